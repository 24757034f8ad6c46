import Fleet
import FleetStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Synchronization
import Text

/// Streams of server-sent events (HTML Living Standard, section 9.2).
struct APIStreams: Sendable {
    /// Maximum bytes of a message.
    private static let most = 16 << 10
    /// Between two messages of a stream.
    private static let pause = Duration.milliseconds(500)

    private let core: ControlCore
    private let limits: HTTPLimits
    private let followers: Followers

    private final class Followers: Sendable {
        private let count = Mutex(0)

        func enter(most: Int) -> Bool {
            count.withLock { count in
                guard count < most else { return false }
                count += 1
                return true
            }
        }

        func leave() { count.withLock { $0 -= 1 } }
    }

    init(_ core: ControlCore, limits: HTTPLimits) {
        self.core = core
        self.limits = limits
        followers = Followers()
    }

    var routes: [Route] {
        [
            Route(
                .get, "/v1/events", "All changes, as they happen", parameters: ["last-event-id"], answers: answers,
                access: .role(FleetRoles.viewer)
            ) { request, context in all(request, context) },
            Route(
                .get, "/v1/jobs/{id}/events", "A job and its targets, as they change",
                parameters: ["id", "last-event-id"], answers: answers, access: .role(FleetRoles.viewer)
            ) { request, context in await job(request, context) },
        ]
    }

    private var answers: [Route.Answer] {
        [Route.Answer(200, "events", type: "text/event-stream")] + APISchemas.answers([404]).dropFirst(0)
    }

    // MARK: All changes

    private func all(_ request: Request, _ context: ServiceContext) -> Response {
        let core = core
        let start = Self.lastID(request) ?? core.feed.last
        return stream { state in
            guard let events = core.feed.events(after: state.cursor) else {
                state.cursor = core.feed.last
                return [Self.message("reset", id: state.cursor, .object(["after": .integer(state.cursor)]))]
            }
            guard let last = events.last else { return [] }
            var messages: [ByteBuffer] = []
            var items: [JSONValue] = []
            var size = 0
            for event in events {
                let isSeen = event.kind != "job" || event.doc["class"]?.stringValue.map(context.sees) ?? true
                guard isSeen else { continue }
                let item = Documents.change(event)
                let bytes = item.encode().count
                if size + bytes > Self.most - 1024, !items.isEmpty {
                    // The other events go into the next message.
                    messages.append(Self.message("changes", id: state.cursor, .array(items)))
                    return messages
                }
                items.append(item)
                size += bytes
                state.cursor = event.id
            }
            state.cursor = last.id
            return items.isEmpty ? [] : [Self.message("changes", id: state.cursor, .array(items))]
        } from: {
            start
        }
    }

    // MARK: One job

    private func job(_ request: Request, _ context: ServiceContext) async -> Response {
        let core = core
        guard let id = context.parameters.get("id").flatMap({ PercentEncoding.decode($0) }) else {
            return APIProblem.unknown("job", "").response(request: "")
        }
        let record: JobRecord?
        do throws(StoreError) { record = try await core.store.job(id) } catch {
            return APIProblem(error).response(request: Hexadecimal.encode(ControlCore.random(8)))
        }
        guard let record, context.sees(record.className) else {
            return APIProblem.unknown("job", id).response(request: Hexadecimal.encode(ControlCore.random(8)))
        }
        let start = Self.lastID(request) ?? 0
        return stream { state in
            let now = core.now()
            core.watch(id)
            let (board, version) = core.figures.withLock { ($0.jobs[id] ?? [:], $0.version) }
            guard let record = try? await core.store.job(id) else { return nil }
            if record.revision == state.shown, version == state.figures { return record.state.hasEnded ? nil : [] }
            state.figures = version
            let isMoved = record.revision != state.shown
            state.shown = record.revision
            guard let view = try? await core.view(of: record) else { return [] }
            let sender = core.roster.withLock { $0[record.sender]?.record.name }
            let machine = await core.lead(id)?.snapshot?.machine
            var object = JSONObject(["job": Documents.job(record, view: view, sender: sender, machine: machine)])
            var targets: [JSONValue] = []
            var size = object["job"]?.encode().count ?? 0
            // State changes first, then progress of nodes that receive. What does not fit goes into the next message.
            let changed =
                isMoved
                ? (try? await core.store.targets(of: id, after: nil, state: nil, since: state.cursor, limit: 1000))
                    ?? [] : []
            var cursor = state.cursor
            var isWhole = true
            for row in changed.sorted(by: { $0.revision < $1.revision }) {
                let item = Self.target(row, record, board[row.target.node], core, now)
                let bytes = item.encode().count + 1
                guard size + bytes < Self.most - 256 else {
                    isWhole = false
                    break
                }
                targets.append(item)
                size += bytes
                cursor = row.revision
            }
            if changed.count == 1000 || !isWhole {
                // The rows of one revision may be incomplete, so the next message starts with that revision again.
                cursor = max(state.cursor, cursor - 1)
                state.shown = -1
            } else if isMoved {
                cursor = record.revision
            }
            state.cursor = max(state.cursor, cursor)
            for (node, figure) in board
            where size < Self.most - 512 && !changed.contains(where: { $0.target.node == node }) {
                let item = JSONValue.object([
                    "node": .string(node.description), "bytes": .integer(figure.figures.done),
                    "rate": .double(figure.figures.down), "upload_rate": .double(figure.figures.up),
                ])
                targets.append(item)
                size += item.encode().count + 1
            }
            object["targets"] = .array(targets)
            return [Self.message("job", id: state.cursor, .object(object))]
        } from: {
            start
        }
    }

    private static func target(
        _ row: TargetRecord, _ job: JobRecord, _ figure: FigureBoard.Figure?, _ core: ControlCore, _ now: Double
    ) -> JSONValue {
        Documents.target(
            row.target, detail: JobSnapshot.Detail(text: row.detail, at: row.at, revision: row.revision),
            name: core.roster.withLock { $0[row.target.node]?.record.name }, figure: figure,
            arrival: core.arrival(of: row.target, job, figure, at: now), size: job.content?.bytes ?? 0)
    }

    // MARK: Streams

    private struct State {
        var cursor: Int64
        /// The job's revision in the last message.
        var shown: Int64 = -1
        var figures: UInt64 = 0
    }

    /// - Parameter look: returns new messages; nil at the end of the stream.
    private func stream(
        _ look: @escaping @Sendable (inout State) async -> [ByteBuffer]?, from start: @escaping @Sendable () -> Int64
    ) -> Response {
        let (followers, limits) = (followers, limits)
        guard followers.enter(most: limits.followers) else {
            return APIProblem(
                503, "too_many_followers", "\(limits.followers) streams are open here", retryAfter: 10
            ).response(request: Hexadecimal.encode(ControlCore.random(8)))
        }
        let body = ResponseBody { writer in
            defer { followers.leave() }
            var state = State(cursor: start())
            let clock = ContinuousClock()
            var saidAt = clock.now
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            while !Task.isCancelled {
                guard let messages = await look(&state) else {
                    try await writer.write(ByteBuffer(string: "event: end\ndata: {}\n\n"))
                    break
                }
                for message in messages { try await writer.write(message) }
                if !messages.isEmpty {
                    saidAt = clock.now
                } else if clock.now - saidAt >= limits.followerSilence {
                    try await writer.write(ByteBuffer(string: ": still here\n\n"))
                    saidAt = clock.now
                }
                try await Task.sleep(for: Self.pause)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }

    private static func message(_ event: String, id: Int64, _ data: JSONValue) -> ByteBuffer {
        var text = ByteBuffer(string: "id: \(id)\nevent: \(event)\ndata: ")
        text.writeBytes(data.encode())
        text.writeString("\n\n")
        return text
    }

    private static func lastID(_ request: Request) -> Int64? {
        guard let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name] else { return nil }
        return Int64(text)
    }
}
