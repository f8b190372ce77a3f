/** An enum has code of its own, so that stripping types is not enough. */
export enum Direction {
  North,
  East,
  South,
  West,
}

export const turn = (from: Direction, times: number): Direction => (from + times) % 4;
