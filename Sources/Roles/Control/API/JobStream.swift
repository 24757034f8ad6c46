import Fleet
import FleetStore
import JSON
import NIOCore

/// The messages of a stream of one job: first its targets that changed, in the order of their changes, then progress. Of many
/// that changed at once the first are told whole, the others by their state: it is to be seen within a second that
/// a thousand have begun.
struct JobStream: Sendable {
    let core: ControlCore
    let job: String
    /// Maximum bytes of a message.
    let most: Int

    /// What a stream has shown.
    struct Shown: Sendable {
        /// Targets were shown in the order of revision and node, up to this one.
        fileprivate var revision: Int64
        fileprivate var node: String
        /// The job's revision in the last message.
        fileprivate var job: Int64 = -1
        /// All changes up to there have been shown.
        fileprivate var isWhole = false
        fileprivate var figures = FigureCursor()

        /// - Parameter id: the client has all changes up to this one.
        init(after id: Int64) {
            // After all ids of nodes.
            (revision, node) = (id, "\u{7f}")
        }

        /// From where another stream can go on. The nodes of one revision may have been shown in part.
        var id: Int64 { isWhole ? max(revision, job) : max(0, revision - 1) }
    }

    /// Maximum number of targets that are read for a message.
    private static let rows = 500
    /// Bytes that are left for what is around targets and figures.
    private static let margin = 256
    /// Maximum bytes of the lines about late and failed targets: the rest of a message is for targets and figures.
    private static let lines = 4 << 10

    /// - Returns: nil if the job has ended and everything has been shown.
    func next(_ shown: inout Shown) async -> [ByteBuffer]? {
        core.views.watch(job)
        let record: JobRecord
        do throws(StoreError) {
            guard let known = try await core.store.job(job) else { return nil }
            record = known
        } catch {
            // The database comes back.
            return []
        }
        let isMoved = record.revision != shown.job || !shown.isWhole
        guard isMoved || !record.state.hasEnded else { return nil }
        guard isMoved || core.figures.isBehind(shown.figures, of: job) else { return [] }
        do throws(StoreError) { return [try await message(record, isMoved, &shown)] } catch { return [] }
    }

    private func message(
        _ record: JobRecord, _ isMoved: Bool, _ shown: inout Shown
    ) async throws(StoreError) -> ByteBuffer {
        let now = core.now()
        let rows =
            isMoved
            ? try await core.store.changedTargets(of: job, after: shown.revision, shown.node, limit: Self.rows) : []
        let view = try await core.views.view(of: record).limited(toLineBytes: Self.lines)
        let sender = core.nodes.name(of: record.sender)
        let machine = await core.jobs.lead(job)?.snapshot?.machine
        let head = Documents.job(record, view: view, sender: sender, machine: machine)
        var items: [JSONValue] = []
        var states: [JSONValue] = []
        let least = head.encode().count + Self.margin
        var size = least
        var told: Set<NodeID> = []
        for row in rows {
            let item = target(row, machine, record, now)
            let bytes = item.encode().count + 1
            // An eighth of the message is for whole ones.
            if states.isEmpty, size + bytes <= least + most / 8 || items.isEmpty {
                items.append(item)
                size += bytes
            } else {
                let state = Documents.state(machine?.shown(row.target) ?? row.target.state, of: row.target.node)
                let bytes = state.encode().count + 1
                guard size + bytes <= most else { break }
                states.append(state)
                size += bytes
            }
            told.insert(row.target.node)
            (shown.revision, shown.node) = (row.revision, row.target.node.description)
        }
        if isMoved {
            shown.job = record.revision
            shown.isWhole = told.count == rows.count && rows.count < Self.rows
        }
        var progress: [JSONValue] = []
        core.figures.take(of: job, with: &shown.figures) { node, figure in
            guard !told.contains(node) else { return true }
            let item = Documents.figures(figure.figures, of: node)
            let bytes = item.encode().count + 1
            guard size + bytes <= most else { return false }
            progress.append(item)
            size += bytes
            return true
        }
        return APIStreams.message(
            "job", id: shown.id,
            ["job": head, "targets": .array(items), "states": .array(states), "figures": .array(progress)])
    }

    private func target(
        _ row: TargetRecord, _ machine: JobMachine?, _ job: JobRecord, _ now: Double
    ) -> JSONValue {
        let figure = core.figures.of(job.id, at: row.target.node)
        return Documents.target(
            row.target, shown: machine?.shown(row.target) ?? row.target.state, detail: row.shown,
            name: core.nodes.name(of: row.target.node), figure: figure,
            arrival: core.views.arrival(of: row.target, job, figure, at: now), size: job.content?.bytes ?? 0)
    }
}
