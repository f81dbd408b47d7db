/** Tasks by how their last attempt ended. */
export interface TaskCounts {
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly unfinished: number;
}
