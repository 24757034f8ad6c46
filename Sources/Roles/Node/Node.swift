// Node: the inside of the hybrid delivery daemon.
//
// What it is for: the calls of the API as methods of one actor; task files that wander through state directories;
// making torrents and tasks; publishing content (upload, seeding, probes) and fetching it (peers, object store and CDN
// at once, each when its window allows), until it lies verified at its final place. What it must never do: let content
// appear anywhere before every file of it has been checked, let a task be in two states at once, write a key of an
// object store to a log, or believe a path or a length because a task file says so. Decisions of policy are Delivery's;
// bytes are moved by Swarm, ObjectStore and HashLibrary.

import Delivery

/// Times, sizes and counts of the daemon that no configuration key governs.
package struct NodeTunables: Sendable {
    /// Seconds between two looks at the queues, the transfers and the windows.
    package var tick = 0.5
    /// Seconds within which a torrent must have come when recv is answered.
    package var torrentTimeout = 60.0
    /// Largest torrent that is fetched, in bytes.
    package var torrentBytes = 64 << 20
    /// How often the torrents of a dropped task file are asked for before it is refused, and the waits between: nobody waits
    /// for an answer there, and the server may be starting again.
    package var dropTries = 5
    package var dropRetry = Backoff(first: 0.5, most: 4)
    /// How often a callback is tried, and the seconds before the second time; each wait is twice the one before.
    package var callbackTries = 8
    package var callbackDelay = 2.0
    /// Waits before transfers begin anew that a full or broken disk ended, in seconds.
    package var diskRetry = Backoff(first: 5, most: 600)
    /// Seconds that a task which may have broken the node down runs before the next such one is started, and after which
    /// earlier crashes are no longer held against any.
    package var probation = 10.0
    package var steadyTime = 60.0
    /// Of the pure machines. The configuration's `sourcetimeout` goes before what `delivery` says of it.
    package var sending = SendSettings()
    package var delivery = DeliverySettings()

    package init() {}
}
