/** Input and result of the programs of this folder. They see the API only through generated code. */

export interface Person {
  readonly email: string
  readonly password: string
  /** Waits for the token in the newest email to the user. */
  readonly mailedToken: () => Promise<string>
}

/** The status of each step's answer, by the name of the step. */
export type Statuses = Readonly<Record<string, number>>

export type Journey = (baseUrl: string, person: Person) => Promise<Statuses>
