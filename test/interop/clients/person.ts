/** What the programs of this folder are given, and what they give back. They see the API only through generated code. */

export interface Person {
  readonly email: string
  readonly password: string
  /** Waits for the token in the newest email to the person. */
  readonly mailedToken: () => Promise<string>
}

/** The status that each step was answered with, by the name of the step. */
export type Statuses = Readonly<Record<string, number>>

export type Journey = (baseUrl: string, person: Person) => Promise<Statuses>
