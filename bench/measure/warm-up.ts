/** Measuring begins when warming no longer helps: engines that compile at run time get better for a while. */

/** How much cheaper a request must have become for it to be worth going on. */
const WORTHWHILE = 0.97
const MOST_BURSTS = 6

/**
 * Repeats a burst of load until its cost has stopped falling, twice at least. `costOf` runs one burst and answers
 * what a request cost in it. Answers how many bursts it took.
 */
export async function warmUntilSteady(costOf: () => Promise<number>): Promise<number> {
  let best = await costOf()
  for (let bursts = 2; bursts < MOST_BURSTS; bursts += 1) {
    const cost = await costOf()
    if (cost > best * WORTHWHILE) return bursts
    best = cost
  }
  await costOf()
  return MOST_BURSTS
}
