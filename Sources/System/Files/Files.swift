// Files: the calls to the file system, and the rules that hold for all of them.
//
// What it is for: one place where files and directories are opened, read, listed, replaced and removed. `FileLayer` is
// the protocol, `SystemFileLayer` the kernel behind it; tests put other layers under it. `HeldDirectory`, `HeldFile`,
// `AtomicFile` and `SmallFile` are what most code uses.
//
// The rules:
//
// 1. Links. A symlink as the last component is never followed, unless the caller says so (`followSymlink`). Links in the
//    components before are followed in paths from the user or the configuration. Where strangers can swap them, the
//    directory is held open and its entries are named one by one.
// 2. Waiting. No open waits for the other end of a FIFO: every open is non-blocking. Whoever wants a regular file checks
//    the kind of what was opened, not of what had the name before.
// 3. Bounds. A small file is read whole within a limit (`SmallFile`). A larger one is an error, not a long read.
// 4. Replacing. A file gets new content by `AtomicFile`: write a temporary file that is created exclusively, sync it,
//    rename it, sync the directory. After a crash the old or the new file is there, whole. After a failure the temporary
//    file is gone.
// 5. Durability. A name that was made, renamed or removed is durable once `synchronizeEntries` of its directory returned.
//    File systems that cannot sync directories have nothing to do; every other failure is reported.
// 6. Signals. A call that a signal interrupts is made again. Reads go on to the end of the buffer or the file, writes
//    until all is written.
// 7. Descriptors are closed on exec. Each has one owner, which closes it.
// 8. Removal. A tree is removed from its held parent, entry by entry. Links in it are removed, not followed, and other
//    file systems mounted in it are left alone.
//
// What this module must never do: know of torrents or tasks; follow a link that its caller did not mean to be followed.
//
// All calls block. They are meant for threads that may wait, never for an event loop.
