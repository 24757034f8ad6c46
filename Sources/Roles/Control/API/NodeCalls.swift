import Fleet
import FleetStore
import JSON

/// The routes of nodes.
enum NodeCalls {
    static func list(_ call: APICall) async throws(APIProblem) -> APIReply {
        let limit = try call.limit()
        let after = try call.after()
        let selection = try selection(call.query("select"))
        let state = call.query("state")
        guard state.map({ NodeState(rawValue: $0) != nil || $0 == "away" || $0 == "present" }) ?? true else {
            throw APIProblem(400, "state", "'state' is pending, active, drained, cloned, revoked, away or present")
        }
        if selection == nil, state == nil, call.query("sort").map({ $0 == "name" }) ?? true {
            let page = call.core.nodes.page(after: after, limit: limit)
            return .list(page.seats.map { document($0, call) }, next: page.next, total: page.total)
        }
        let key = try order(call.query("sort"))
        // What is sorted is small: a seat is moved as it is copied, part by part.
        var found: [(key: String, place: Int)] = []
        let seats = call.core.nodes.seats
        for (place, seat) in seats.enumerated() {
            guard selection?.selects(seat.record.selectable) ?? true else { continue }
            switch state {
            case nil: break
            case "away": guard seat.isAway else { continue }
            case "present": guard !seat.isAway else { continue }
            case let name?: guard seat.record.state.rawValue == name else { continue }
            }
            found.append((key(seat), place))
        }
        let total = found.count
        if let after { found.removeAll { $0.key <= after } }
        found.sort { $0.key < $1.key }
        let page = found.prefix(limit)
        return .list(
            page.map { document(seats[$0.place], call) }, next: found.count > limit ? page.last?.key : nil,
            total: total)
    }

    private static func order(_ sort: String?) throws(APIProblem) -> (Roster.Seat) -> String {
        switch sort {
        case nil, "name": { Roster.NameKey($0.record).text }
        case "id": { $0.record.id.description }
        case "site": { "\($0.record.site ?? "")\u{1}\($0.record.name)\u{1}\($0.record.id)" }
        case "state": { "\($0.record.state.rawValue)\u{1}\($0.record.name)\u{1}\($0.record.id)" }
        default: throw APIProblem(400, "sort", "'sort' is name, id, site or state")
        }
    }

    static func selection(_ text: String?) throws(APIProblem) -> Selection? {
        guard let text else { return nil }
        do throws(SelectionProblem) { return try Selection.given(text) } catch {
            throw APIProblem(400, "selection", "the expression cannot be understood: \(error)")
        }
    }

    /// The document of a node, with those of its jobs that the caller may see.
    private static func document(_ seat: Roster.Seat, _ call: APICall) -> JSONValue {
        let jobs = call.core.jobs
        let seen = jobs.jobs(of: seat.record.id).filter { job in
            jobs.facts(of: job).map { call.context.sees($0.record.className) } ?? false
        }
        return Documents.node(seat, jobs: seen.sorted())
    }

    static func show(_ call: APICall) async throws(APIProblem) -> APIReply {
        let seat = try seat(call)
        return APIReply(document(seat, call), revision: seat.record.revision)
    }

    /// The node with this id or name.
    private static func seat(_ call: APICall) throws(APIProblem) -> Roster.Seat {
        let text = try call.path("id")
        guard let seat = call.core.nodes.seat(text) else { throw .unknown("node", text) }
        return seat
    }

    /// Changes a node's name, labels or state.
    static func change(_ call: APICall) async throws(APIProblem) -> APIReply {
        let seat = try seat(call)
        let expecting = try call.ifMatch()
        let members = try call.members(["name", "labels", "state", "now"])
        let name = try members.text("name", most: 63)
        if let name, !LabelKey.isValid(name) || name.contains("/") {
            throw .invalid("name", "is 1 to 63 letters, digits and ._-, and starts with a letter or digit")
        }
        let pairs = try members.labels("labels")
        let isNow = try members.flag("now") ?? false
        let state: NodeState?
        switch try members.text("state") {
        case nil: state = nil
        case "active": state = .active
        case "drained": state = .drained
        case "revoked": state = .revoked
        default: throw .invalid("state", "is active, drained or revoked")
        }
        if seat.record.state == .revoked, state != nil, state != .revoked {
            throw APIProblem(
                409, "revoked", "a key that was revoked stays so", advice: "join the host again with a new token")
        }
        // Checked in advance, so that the change in the transaction cannot fail because of them.
        var trial = seat.record.labels
        do throws(LabelProblem) { for (key, value) in pairs { try trial.set(key, value) } } catch {
            throw APIProblem(error)
        }
        let (core, id) = (call.core, seat.record.id)
        let outcome = try await call.stored { () throws(StoreError) in
            try await core.store.change(id, expecting: expecting, by: call.act, action(state, name, pairs)) { node in
                if let name { node.name = name }
                if let state { node.state = state }
                if state == .active { node.pendingUntil = nil }
                for (key, value) in pairs { try? node.labels.set(key, value) }
                return nil
            }
        }
        let node = try call.value(of: outcome, "node", id.description)
        await core.nodeChanges.take(node)
        if isNow, state == .drained { await core.nodeEvents.pauseAll(of: id) }
        guard let seat = core.nodes[id] else { throw .unknown("node", id.description) }
        return APIReply(document(seat, call), revision: node.revision)
    }

    private static func action(_ state: NodeState?, _ name: String?, _ labels: [(String, String?)]) -> String {
        switch state {
        case .active: "node.activate"
        case .drained: "node.drain"
        case .revoked: "node.revoke"
        default: name != nil ? "node.rename" : "node.label"
        }
    }

    static func remove(_ call: APICall) async throws(APIProblem) -> APIReply {
        let seat = try seat(call)
        let expecting = try call.ifMatch()
        let (core, id) = (call.core, seat.record.id)
        let outcome = try await call.stored { () throws(StoreError) in
            try await core.store.remove(id, expecting: expecting, by: call.act)
        }
        _ = try call.value(of: outcome, "node", id.description)
        await core.nodeChanges.removed(id)
        return APIReply(document(seat, call))
    }
}
