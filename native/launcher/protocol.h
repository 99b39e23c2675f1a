/*
 * What launcher and daemon say to each other, over a stream socket of the unix kind. lib/daemon/protocol.ts
 * is the same in TypeScript, and a test holds the two together.
 *
 *   launcher                                daemon
 *      | -- REQUEST ------------------------> |   may I? (and all that there is to know)
 *      | <----------------------- CLAIMED --- |   yes; nothing is changed before GO
 *      | -- GO -----------------------------> |   do it
 *      | <----- STDERR (if any) -- ANSWER --- |   what the runtime is to get
 *      | -- (closes) -----------------------> |   the runtime has it
 *
 * Instead of CLAIMED the daemon may say DECLINED: the launcher then runs the cold process. So it does when
 * CLAIMED does not come within PATIENCE_MS, in which case it closes without GO and the daemon has changed
 * nothing, and when the connection breaks before a whole ANSWER is there: the cold process, which is given
 * the request's token, repairs what was begun. A daemon that cannot finish a request after GO (it needs a
 * plugin of somebody else) takes back what it did and closes. When the launcher closes before ANSWER, because
 * its runtime ended it, an ADD is taken back, unless it was complete by then.
 *
 * A frame is a header of three 32-bit numbers in little-endian order (both machines that there are have it),
 * and a payload:
 *
 *   magic   FRAME_MAGIC: whoever talks something else is found out with the first word
 *   kind    one of the numbers below
 *   size    of the payload, in bytes, at most FRAME_LIMIT
 */
#ifndef TRESTLE_PROTOCOL_H
#define TRESTLE_PROTOCOL_H

#define DAEMON_SOCKET "/run/trestle/daemon.sock"

/* The launcher adds a byte to a file here, called by the reason, when it runs cold although there is a
 * daemon. */
#define COLD_FOLDER "/run/trestle/cold"

#define FRAME_MAGIC 0x31545354 /* "TST1" */

/* 16 MiB of configuration and what an environment can hold beside it. */
#define FRAME_LIMIT (20 << 20)

/* How long a launcher waits for CLAIMED, from its connecting on. Milliseconds. */
#define PATIENCE_MS 250

enum frame_kind {
  /*
   * From the launcher. Variables like those of an environment, "NAME=value", each with a NUL behind it; an
   * empty one (a lone NUL) ends them, and the rest of the payload is the standard input, whole. Besides every
   * CNI_* variable of the caller's:
   *
   *   build   the id of the runtime folder that this launcher would start
   *   type    the name that it was called by: "bridge"
   *   began   when it was started: milliseconds since the epoch
   *   token   32 hexadecimal digits, drawn at random: this call and no other
   *   mnt, pid, user, net   its namespaces, each as "device:inode" (decimal) of /proc/self/ns/<name>
   *   root    its root folder, in the same way
   *   netns   CNI_NETNS as it has opened it: "/proc/<its process id>/fd/<descriptor>"; absent where CNI_NETNS
   *           is not set, or cannot be opened
   */
  FRAME_REQUEST = 1,
  FRAME_CLAIMED = 2,  /* no payload */
  FRAME_DECLINED = 3, /* why, in a word or two: "build", "namespace net" */
  FRAME_GO = 4,       /* no payload */
  FRAME_STDERR = 5,   /* for the standard error stream, as it is */
  FRAME_ANSWER = 6,   /* the exit status as one byte, then the standard output */

  /* From `trestle daemon status`, instead of a REQUEST, and what it gets. */
  FRAME_STATUS = 7,       /* nothing, or "collect": after a collection of garbage */
  FRAME_STATUS_REPORT = 8 /* JSON */
};

#endif
