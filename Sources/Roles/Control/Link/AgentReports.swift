import Fleet
import FleetLink
import FleetStore
import JSON
import Synchronization

/// Takes in what nodes report of their jobs: figures, events and receipts. Owns the jobs and nodes of which people
/// were told that there is too little space. What an event means for a job, the job's machine decides.
final class AgentReports: Sendable {
    private let database: ControlDatabase
    private let nodes: Nodes
    private let open: OpenJobs
    private let loader: JobLoader
    private let figures: Figures
    private let supersession: Supersession
    private let crowded = Mutex<Set<String>>([])

    init(
        _ database: ControlDatabase, _ nodes: Nodes, _ open: OpenJobs, _ loader: JobLoader, _ figures: Figures,
        _ supersession: Supersession
    ) {
        self.database = database
        self.nodes = nodes
        self.open = open
        self.loader = loader
        self.figures = figures
        self.supersession = supersession
    }

    func take(_ figures: [JobFigures], of id: NodeID, at now: Double) async {
        guard !figures.isEmpty else { return }
        let known = open.known(figures.map(\.job))
        self.figures.put(figures.filter { known.contains($0.job) }, of: id, at: now)
        for figure in figures where !known.contains(figure.job) {
            // It is open, or the database does not say.
            guard let farewell = try? await loader.loadIfOpen(figure.job) else { continue }
            nodes.tell([(id, farewell)])
        }
    }

    /// Stores events and receipts.
    /// - Returns: the highest number of an event that is durable.
    func keep(_ events: [AgentEvent], of id: NodeID, at now: Double) async throws(LinkRefusal) -> UInt64 {
        guard !events.isEmpty else { return 0 }
        guard let record = nodes.record(of: id) else { throw .revoked }
        var order: [String] = []
        var byJob: [String: [AgentEvent]] = [:]
        for event in events {
            if byJob[event.job] == nil { order.append(event.job) }
            byJob[event.job, default: []].append(event)
        }
        // Events from this one on are sent again.
        var first = UInt64.max
        for job in order {
            let events = byJob[job] ?? []
            let receipts = events.compactMap { event in
                event.receipt.map { text in
                    ReceiptRecord(
                        node: id, attempt: Int(clamping: event.attempt), state: event.report.name, jws: text,
                        publicKey: record.publicKey, at: now)
                }
            }
            let isTaken = try await database.linked { () throws(StoreError) -> Bool in
                try await self.keep(events, receipts, of: job, id)
            }
            if !isTaken { first = min(first, events.map(\.number).min() ?? first) }
            if events.contains(where: { $0.report == .switched || $0.report == .done }) {
                await supersession.supersede(by: job, at: id)
            }
            if events.contains(where: { $0.report == .waiting(.space) }) { await sayCrowded(record, job, at: now) }
        }
        let taken = events.map(\.number).filter { $0 < first }.max() ?? 0
        // A full request of which nothing is taken would keep everything after it at the node. Its receipts are stored.
        guard taken == 0, events.count >= SyncRequest.mostEvents else { return taken }
        database.logger.error("events of jobs that cannot be read here are given up", metadata: ["node": "\(id)"])
        return events.map(\.number).max() ?? 0
    }

    /// Stores the events and receipts of one job.
    /// - Returns: whether the events are taken.
    private func keep(
        _ events: [AgentEvent], _ receipts: [ReceiptRecord], of job: String, _ id: NodeID
    ) async throws(StoreError) -> Bool {
        let farewell = if open.lead(job) == nil { try await loader.loadIfOpen(job) } else { PendingCommand?.none }
        guard let lead = open.lead(job) else {
            if !receipts.isEmpty { try await database.store.keepLate(receipts, of: job) }
            // An open one whose class cannot be read here is another control's, or waits until it can be read.
            guard let farewell else { return false }
            nodes.tell([(id, farewell)])
            return true
        }
        try await lead.report(
            events.map {
                JobLead.Report(
                    node: id, attempt: Int(clamping: $0.attempt), report: $0.report, detail: $0.detail,
                    sources: $0.sources)
            }, receipts: receipts)
        return true
    }

    /// Reports once that a node has too little space for a job.
    private func sayCrowded(_ node: NodeRecord, _ job: String, at now: Double) async {
        let isNew = crowded.withLock { crowded in
            if crowded.count > 10_000 { crowded = [] }
            return crowded.insert("\(job) \(node.id)").inserted
        }
        guard isNew else { return }
        var doc = JSONObject(["name": .string(node.name), "job": .string(job)])
        if let known = open.facts(of: job) { doc["class"] = .string(known.record.className) }
        await database.say("node.space", node.id.description, .object(doc), at: now)
    }
}
