/** Where a daemon listens: a socket of the unix kind that is made, or one that is there, as a descriptor. */
export type DoorPlace = ({ path: string } | { fd: number }) & {
  /** So many may be in at once; the connections of others are closed. */
  room: number;
  /** How long a visitor may be silent who is expected to say something. Milliseconds, to the second. */
  patienceMs: number;
};

/**
 * Whom visitors come for, each known by a number. The frames that they and the door send are those of
 * native/launcher/protocol.h, where the conversation is told.
 */
export interface DoorHost {
  /**
   * Somebody sends a REQUEST, whose payload this is: undefined claims it, a text declines it for that reason, null sends them
   * away. `isClaimed`: a recipe has claimed it before, and leaves it to the host.
   */
  judge(visitor: number, request: Buffer, isClaimed: boolean): string | null | undefined;
  /**
   * One that was claimed says GO. `givenUp`: over what a recipe was given up that was tried before, "" where none was. "table":
   * one of nftables was lost, and with it what others had in it.
   */
  go(visitor: number, givenUp: string): void;
  /** One that was claimed has left. Is not told of one who was dismissed. */
  gone(visitor: number): void;
  /** A request that was done by a recipe, with so many steps; its launcher has ended. */
  done(request: Buffer, steps: number, seconds: number): void;
  /** Somebody asks for the daemon's status. */
  status(visitor: number, what: string): void;
  /** Somebody said what is no frame, or none that was due; they have been sent away, and are `gone`. */
  refused(complaint: string): void;
}

/**
 * The part of the addon's contract that receives launchers, on the event loop: what Node's `net` would do, in a fraction of the
 * time. What is told to a visitor who has left is not heard.
 */
export interface Door {
  /** Listens. Throws a KernelFault when it cannot. One per process. */
  openDoor(place: DoorPlace, host: DoorHost): void;
  /** Lets nobody in any more, and removes a socket that it has made. Who is in stays. */
  closeDoor(): void;
  /** The answer to a GO: an ANSWER frame, behind a STDERR frame if there are any errors. */
  answer(visitor: number, exitCode: number, stdout: string, stderr: string): void;
  /** The answer to a status request, JSON. The visitor is to go then. */
  report(visitor: number, report: string): void;
  /** Whether a visitor has left by now, be it that `gone` has not been told yet: the event loop may not have turned. */
  hasLeft(visitor: number): boolean;
  /** Sends a visitor away without a word. */
  dismiss(visitor: number): void;
}
