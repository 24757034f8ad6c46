// Node: the hybrid delivery daemon.
//
// Purpose: the calls of the API as methods of one actor; task files in state directories; making torrents and tasks;
// publishing content (upload, seeding, probes) and receiving it (peers, object store and CDN at the same time, each
// within its window), until it is verified at its final place. Must never: let content appear anywhere before every
// file of it has been verified, let a task be in two states at once, write a key of an object store to a log, or trust
// a path or a length from a task file. Delivery makes the decisions; Swarm, ObjectStore and HashLibrary move the bytes.

import Policy

/// Parameters of the daemon that have no configuration key.
package struct NodeTunables: Sendable {
    /// Seconds between two checks of the queues, the transfers and the windows.
    package var tick = 0.5
    /// Seconds within which a torrent must be loaded before recv replies.
    package var torrentTimeout = 60.0
    /// Largest torrent that is loaded, in bytes.
    package var torrentBytes = 64 << 20
    /// Number of attempts to load the torrents of a task file in the queue before it is refused, and the delays between
    /// them. No caller waits for a reply there, and the server may be restarting.
    package var dropTries = 5
    package var dropRetry = Backoff(first: 0.5, most: 4)
    /// Number of attempts for a callback, and the seconds before the second; each delay is twice the previous one.
    package var callbackTries = 8
    package var callbackDelay = 2.0
    /// Backoff for starting transfers again that a full or broken disk has ended, in seconds.
    package var diskRetry = Backoff(first: 5, most: 600)
    /// Seconds that a suspected task runs before the next suspected one is started, and after which earlier crashes no
    /// longer count against a task.
    package var probation = 10.0
    package var steadyTime = 60.0
    /// Settings of the decision values. `sourcetimeout` of the configuration takes precedence over `delivery`.
    package var sending = SendSettings()
    package var delivery = DeliverySettings()

    package init() {}
}
