/** Tells `npm run db:generate` where the schema is and where its migrations go. */

import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './db/schema/index.ts',
  out: './db/migrations'
})
