import Logging
import Policy
import Swarm

/// What all jobs of a process share.
package struct JobHost: Sendable {
    package let swarm: SwarmNode
    /// How each torrent is to be transferred, as far as the job does not say it.
    package let transferOptions: TransferOptions
    package let library: any ContentLibrary
    package let clock: any JobClock
    package let logger: Logger
    package let settings: JobSettings
    /// Lets publications of one place be made one after the other.
    package let publications: Turns
    /// Lets so many files be hashed at a time.
    package let checks: Turns

    package init(
        swarm: SwarmNode, transferOptions: TransferOptions, library: any ContentLibrary, clock: any JobClock,
        logger: Logger, settings: JobSettings, publications: Turns, checks: Turns
    ) {
        self.swarm = swarm
        self.transferOptions = transferOptions
        self.library = library
        self.clock = clock
        self.logger = logger
        self.settings = settings
        self.publications = publications
        self.checks = checks
    }

    func log(_ level: Logger.Level, _ text: Logger.Message, _ job: String, _ more: Logger.Metadata = [:]) {
        logger.log(level: level, text, metadata: more.merging(["task": "\(job)"]) { first, _ in first })
    }
}

package struct JobSettings: Sendable {
    /// Seconds between two looks at the transfers and the windows.
    package var tick: Double
    /// Seconds until transfers begin anew that a full or broken disk ended.
    package var diskRetry: Backoff

    package init(tick: Double = 0.5, diskRetry: Backoff = Backoff(first: 5, most: 600)) {
        self.tick = tick
        self.diskRetry = diskRetry
    }
}
