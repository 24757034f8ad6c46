import Fleet
import Hashing
import Identity
import Logging
import Text
import Threads

/// The agent's side of the link to control. Syncs with one control at a time and switches to another if it does not
/// answer; renews the node's certificate; queues events until control has acknowledged them.
package actor LinkClient {
    package nonisolated let events: EventQueue
    package nonisolated let transport: LinkTransport
    let memory: LinkMemory
    let logger: Logger
    /// Seconds since 1970.
    let clock: @Sendable () -> Double
    var record: LinkRecord
    var control: ControlAddress
    var reconnection = Reconnection()
    var difference = ClockDifference()
    var nextSharp = 0.0
    var interval = 10.0
    var every = 1.0
    var watched: [String] = []
    var isFactsDue = true
    /// Counts the rounds of this process. A round that failed is followed by one with the same number of the sequence,
    /// so that number does not tell their answers apart.
    var rounds: UInt64 = 0
    /// As it was said last.
    var saidMoment: HostMoment?
    /// Whether control took something of the last events that it answered. Where it did not, it lets requests with events wait too.
    var takesEvents = true
    /// Ids of accepted commands, which the next request reports to control.
    var taken: [String] = []
    var nextRenewal = 0.0
    /// Control has reported that the certificate is expired, whatever this host's clock says.
    var hasRunOut = false
    /// Announces that have not been sent to the other controls yet.
    var untold: [(AnnounceRequest, [ControlAddress])] = []
    var isTelling = false
    /// Wakes the running sync loop; nil if it does not run.
    var signals: AsyncStream<Signal>.Continuation?

    enum Signal: Sendable {
        case news
        case tick
        case answered(Sending, Result<SyncReply, LinkProblem>)
    }

    /// What one sending of a request contained.
    struct Sending: Sendable {
        /// The round to which it belongs, see ``rounds``.
        let round: UInt64
        /// Counts the sendings of a round, from 1.
        let number: Int
        let asked: Double
        let hasFacts: Bool
        let hasEvents: Bool
        let taken: [String]
    }

    /// - Parameters:
    ///   - record: from ``LinkJoin`` or ``LinkMemory``.
    ///   - clock: seconds since 1970.
    package init(
        _ record: LinkRecord, memory: LinkMemory, events: EventQueue, proxy: HTTPURL? = nil, logger: Logger,
        clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }
    ) throws(LinkProblem) {
        self.record = record
        self.memory = memory
        self.events = events
        self.logger = logger
        self.clock = clock
        guard let control = record.controls.randomElement() else { throw .local("no control is named: join again") }
        self.control = control
        transport = try LinkTransport(
            trust: .authority(record.authority), identity: (record.certificate, record.key), proxy: proxy, clock: clock)
    }

    /// Opens the link of a host that has joined before.
    /// - Returns: nil if the host has not joined.
    package static func open(
        _ memory: LinkMemory, proxy: HTTPURL? = nil, logger: Logger
    ) async throws(LinkProblem) -> LinkClient? {
        guard let record = try await memory.load() else { return nil }
        return try LinkClient(
            record, memory: memory, events: try await EventQueue.open(memory), proxy: proxy, logger: logger)
    }

    package var node: NodeID { record.node }
    package var name: String { record.name }
    package var controls: [ControlAddress] { record.controls }
    /// The control with which this host syncs.
    package var current: ControlAddress { control }
    package var clockDifference: ClockDifference { difference }
    package var certificate: HostCertificate { record.certificate }
    /// The host's private key, which signs statements such as receipts.
    package var hostKey: HostKey { record.key }

    // MARK: Reports of the agent

    /// Queues an event for control. Returns when it is durable on this host.
    /// - Returns: the event's number.
    @discardableResult
    package func report(
        _ report: JobMachine.Report, job: String, attempt: Int64, detail: String? = nil, receipt: String? = nil,
        sources: BytesBySource = BytesBySource()
    ) async throws(LinkProblem) -> UInt64 {
        let time = clock()
        let number = try await events.append { number in
            AgentEvent(
                number: number, job: job, attempt: attempt, time: time, report: report, detail: detail,
                receipt: receipt, sources: sources)
        }
        signals?.yield(.news)
        return number
    }

    /// Call when the host's facts have changed. They are sent with a request at once.
    package func factsChanged() {
        isFactsDue = true
        signals?.yield(.news)
    }
}
