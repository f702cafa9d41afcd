/** The role of a local origin: it may use the tables and owns none of them. A migration grants its rights. */

import { randomBytes } from 'node:crypto'
import postgres from 'postgres'

/** One name is enough: roles belong to the whole server, and a local server has one database. */
const LOGIN_ROLE = 'gatehouse_origin'

/**
 * Creates the login role on a migrated database of a local server, or gives the existing role a new password.
 *
 * @param role another name, if several databases of one server have an origin each
 * @returns the URL of the database for that role
 */
export async function prepareAppRole(ownerUrl: string, role = LOGIN_ROLE): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  const owner = postgres(ownerUrl, { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    const [found] = await owner`select from pg_roles where rolname = ${role}`
    // Neither name nor password needs quoting: both come from this program.
    await owner.unsafe(`${found ? 'alter' : 'create'} role ${role} login password '${password}'`)
    await owner.unsafe(`grant gatehouse_app to ${role}`)
  } finally {
    await owner.end({ timeout: 2 })
  }
  const url = new URL(ownerUrl)
  url.username = role
  url.password = password
  return url.href
}
