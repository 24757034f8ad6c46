// Blobs: files by their digest.
//
// Purpose: one directory of blobs, each a file named by the SHA-256 of its bytes; uploads that go on where they were after
// a break or a restart; what a torrent of each blob needs. Must never: give a file a digest's name before all its bytes
// were hashed to that digest and are durable.
//
// Layout of the directory:
//
//     blobs/ab/cd/abcd…       the bytes: `sha256sum` of the file is its name
//     info/ab/cd/abcd…        the info dictionary of the blob's torrent, bencoded
//     uploads/ID/data, note   what has arrived of an upload, and how much of it is durable
//
// All calls block. They are meant for threads that may wait.
