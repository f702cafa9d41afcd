import { gatehouse } from '../../fastify/index.ts'
export { gatehouse }
