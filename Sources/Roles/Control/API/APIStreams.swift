import Fleet
import FleetStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Text

/// Streams of server-sent events (HTML Living Standard, section 9.2).
struct APIStreams: Sendable {
    /// Maximum bytes of a message.
    private static let most = 16 << 10
    /// Looks at what another control may have told of before a stream begins anew.
    private static let mostAhead = 5
    /// Between two messages of a stream.
    private static let pause = Duration.milliseconds(500)

    private let core: ControlCore
    private let limits: HTTPLimits
    private let followers: Followers

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
            ) { request, context in await all(request, context) },
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

    private func all(_ request: Request, _ context: ServiceContext) async -> Response {
        let core = core
        let start = Self.lastID(request) ?? core.feed.last
        // Another control may have shown what this one has not read yet.
        if start > core.feed.last { await core.changes.follow() }
        return stream { state in
            // Another control may have told of a change that this one has not read yet; one that never comes is of another time.
            state.ahead = state.cursor > core.feed.last ? state.ahead + 1 : 0
            let isKnown = state.ahead <= Self.mostAhead
            guard isKnown, let events = core.feed.events(after: state.cursor) else {
                state.ahead = 0
                state.cursor = core.feed.last
                return [Self.message("reset", id: state.cursor, .object(["after": .integer(state.cursor)]))]
            }
            guard let last = events.last else { return [] }
            var messages: [ByteBuffer] = []
            var items: [JSONValue] = []
            var size = 0
            for event in events {
                let isSeen = event.doc["class"]?.stringValue.map(context.sees) ?? true
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
            return APIProblem(error).response(request: Hexadecimal.encode(RandomBytes.make(8)))
        }
        guard let record, context.sees(record.className) else {
            return APIProblem.unknown("job", id).response(request: Hexadecimal.encode(RandomBytes.make(8)))
        }
        let start = Self.lastID(request) ?? 0
        let look = JobStream(core: core, job: id, most: Self.most)
        return stream { state in
            guard state.isKnown == nil else { return await look.next(&state.job) }
            // A number that no control has given, or of before a restore of the database.
            do throws(StoreError) {
                let newest = start > 0 ? try await core.store.lastChange() : 0
                state.isKnown = (0...newest).contains(start)
            } catch {
                return []
            }
            guard state.isKnown == false else { return await look.next(&state.job) }
            state.job = JobStream.Shown(after: 0)
            return [Self.message("reset", id: 0, ["after": 0])]
        } from: {
            start
        }
    }

    // MARK: Streams

    private struct State {
        var cursor: Int64
        var job: JobStream.Shown
        /// Of a job's stream: whether changes are known from the one on with which it began; nil before that was looked at.
        var isKnown: Bool?
        /// Looks for which the cursor stood beyond all that is known here.
        var ahead = 0

        init(after id: Int64) {
            cursor = id
            job = JobStream.Shown(after: id)
        }
    }

    /// - Parameter look: returns new messages; nil at the end of the stream.
    private func stream(
        _ look: @escaping @Sendable (inout State) async -> [ByteBuffer]?, from start: @escaping @Sendable () -> Int64
    ) -> Response {
        let (followers, limits) = (followers, limits)
        guard let place = followers.enter(most: limits.followers) else {
            return APIProblem(
                503, "too_many_followers", "\(limits.followers) streams are open here", retryAfter: 10
            ).response(request: Hexadecimal.encode(RandomBytes.make(8)))
        }
        let body = ResponseBody { writer in
            // Held until the body has ended, or is thrown away unread.
            defer { withExtendedLifetime(place) {} }
            var state = State(after: start())
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

    static func message(_ event: String, id: Int64, _ data: JSONValue) -> ByteBuffer {
        var text = ByteBuffer(string: "id: \(id)\nevent: \(event)\ndata: ")
        text.writeBytes(data.encode())
        text.writeString("\n\n")
        return text
    }

    private static func lastID(_ request: Request) -> Int64? {
        guard let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name] else { return nil }
        // What no control has given stands for nothing: the stream begins anew.
        return Int64(text) ?? -1
    }
}
