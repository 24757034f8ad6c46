import Fleet
import Hashing
import Identity
import Logging
import Text
import Threads

/// An agent's side of the link: syncs with one control at a time, tries the others when it is silent, renews its certificate, and
/// keeps events until control has them.
package actor LinkClient {
    package nonisolated let events: EventQueue
    package nonisolated let transport: LinkTransport
    let memory: LinkMemory
    let logger: Logger
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
    /// As it was said last.
    var saidMoment: HostMoment?
    /// Ids of commands that the next request says are taken.
    var taken: [String] = []
    var nextRenewal = 0.0
    /// Control said so, whatever this host's clock says.
    var hasRunOut = false
    /// Announces that the other controls are still to hear of.
    var untold: [(AnnounceRequest, [ControlAddress])] = []
    var isTelling = false
    /// What wakes the loop that runs.
    var signals: AsyncStream<Signal>.Continuation?

    enum Signal: Sendable {
        case news
        case tick
        case answered(Sending, Result<SyncReply, LinkProblem>)
    }

    /// What a request carried.
    struct Sending: Sendable {
        /// Of the sequence.
        let round: UInt64
        let number: Int
        let asked: Double
        let hasFacts: Bool
        let taken: [String]
    }

    /// - Parameters:
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

    /// For a host that joined before.
    /// - Returns: nil where it has not.
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
    /// The one that this host is with.
    package var current: ControlAddress { control }
    package var clockDifference: ClockDifference { difference }
    package var certificate: HostCertificate { record.certificate }
    /// Signs statements of this host, such as receipts.
    package var hostKey: HostKey { record.key }

    // MARK: What the agent says

    /// Takes an event for control; when this returns it is durable here.
    /// - Returns: its number.
    @discardableResult
    package func report(
        _ report: JobMachine.Report, job: String, attempt: Int64, detail: String? = nil, receipt: String? = nil
    ) async throws(LinkProblem) -> UInt64 {
        let time = clock()
        let number = try await events.append { number in
            AgentEvent(
                number: number, job: job, attempt: attempt, time: time, report: report, detail: detail,
                receipt: receipt)
        }
        signals?.yield(.news)
        return number
    }

    /// Facts are said anew with a request of now.
    package func factsChanged() {
        isFactsDue = true
        signals?.yield(.news)
    }
}
