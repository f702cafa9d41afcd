/** How a rule publishes the sessions that it ended. The origin implements it over the revocation keeper. */

/**
 * Publishes the end of these sessions to Redis, where every edge reads it; this process itself knows at once.
 *
 * Resolves with false where Redis could not take it. The revocation keeper publishes the end later.
 */
export type PublishEnds = (sids: readonly string[]) => Promise<boolean>
