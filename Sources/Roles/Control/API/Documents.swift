import Fleet
import FleetStore
import JSON
import Text

/// The JSON documents of the API.
enum Documents {
    static func time(_ seconds: Double?) -> JSONValue { seconds.map { .string(Timestamp.text($0)) } ?? .null }
    static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    static func token(_ token: TokenRecord, at now: Double) -> JSONValue {
        let grant = token.grant
        let state =
            grant.isRevoked
            ? "revoked" : grant.used >= grant.uses ? "used" : now >= grant.expires ? "expired" : "open"
        return .object([
            "id": .string(grant.id), "state": .string(state), "uses": .integer(Int64(grant.uses)),
            "used": .integer(Int64(grant.used)), "used_by": .array(token.users.map { .string($0.description) }),
            "name": text(grant.name),
            "labels": grant.labels.json, "approve": .bool(grant.needsApproval), "ephemeral": .bool(grant.isEphemeral),
            "expires": time(grant.expires), "created": time(token.made), "created_by": .string(token.who),
        ])
    }

    static func apiToken(_ token: APITokenRecord) -> JSONValue {
        .object([
            "id": .string(token.id), "name": .string(token.name), "role": .string(token.role),
            "classes": .array(token.classes.map(JSONValue.string)), "expires": time(token.expires),
            "last_use": time(token.seen), "created": time(token.made), "created_by": .string(token.who),
        ])
    }

    static func node(_ seat: Roster.Seat, jobs: [String]) -> JSONValue {
        let record = seat.record
        let facts = record.facts
        var policy = facts.policy.json.objectValue ?? JSONObject()
        let free = seat.free.isEmpty ? facts.free : seat.free
        policy["free"] = .array(
            zip(facts.policy.roots, free).map { .object(["root": .string($0), "bytes": .integer($1)]) })
        let selectable = record.selectable
        let heard = max(seat.heard, record.seen)
        return .object([
            "id": .string(record.id.description), "name": .string(record.name), "state": .string(record.state.rawValue),
            "contact": .string(seat.isAway ? "away" : "present"), "last_contact": time(heard),
            "joined": time(record.joined), "site": text(record.site), "labels": record.labels.json,
            "all_labels": selectable.labels.json, "os": .string(facts.os), "arch": .string(facts.arch),
            "version": .string(facts.version), "tz": .string(facts.timeZone),
            "addresses": .array(facts.addresses.map { .string($0.description) }),
            "connection": .string(record.address), "reachable": .bool(!facts.addresses.isEmpty),
            "clock_difference": .double((seat.clock * 1000).rounded() / 1000),
            "clock_flagged": .bool(abs(seat.clock) > ClockDifference.flagged), "policy": .object(policy),
            "ephemeral": .bool(record.isEphemeral), "token": .string(record.token),
            "jobs": .array(jobs.map(JSONValue.string)), "tasks": .array(seat.tasks.map(\.json)),
            "revision": .integer(record.revision),
        ])
    }

    static func fleetClass(_ record: ClassRecord) -> JSONValue {
        .object([
            "name": .string(record.name), "version": .integer(Int64(record.version)), "definition": .object(record.doc),
            "changed": time(record.at), "changed_by": .string(record.who), "revision": .integer(record.revision),
        ])
    }

    static func audit(_ line: AuditRecord) -> JSONValue {
        .object([
            "id": .integer(line.id), "time": time(line.at), "who": .string(line.who), "from": .string(line.address),
            "action": .string(line.action), "subject": .string(line.subject),
            "change": change(line.doc),
        ])
    }

    /// What was changed, with its times as the API writes times.
    private static func change(_ doc: JSONValue) -> JSONValue {
        guard var object = doc.objectValue else { return doc }
        if case .double(let expires)? = object["expires"] { object["expires"] = time(expires) }
        return .object(object)
    }

    static func receipt(_ receipt: ReceiptRecord, node name: String?) -> JSONValue {
        .object([
            "node": .string(receipt.node.description), "name": text(name), "attempt": .integer(Int64(receipt.attempt)),
            "state": .string(receipt.state), "receipt": .string(receipt.jws),
            "public_key": .string(Base64.encode(receipt.publicKey)), "time": time(receipt.at),
        ])
    }

    static func change(_ change: ChangeRecord) -> JSONValue {
        .object([
            "id": .integer(change.id), "time": time(change.at), "kind": .string(change.kind),
            "subject": .string(change.subject), "detail": change.doc,
        ])
    }

    /// A job. With counts and rates only if `view` is given.
    static func job(_ job: JobRecord, view: JobView?, sender: String?, machine: JobMachine?) -> JSONValue {
        var object = JSONObject([
            "id": .string(job.id), "class": .string(job.className), "version": .integer(Int64(job.classVersion)),
            "state": .string((view?.state ?? job.state).rawValue), "reason": text(view?.reason ?? job.reason),
            "sender": .object(["id": .string(job.sender.description), "name": text(sender)]), "by": .string(job.who),
            "name": .string(job.name), "path": .string(job.order.path), "priority": .integer(Int64(job.priority)),
            "created": time(job.made), "started": time(job.started), "ended": time(job.ended),
            "deadline": time(job.deadline), "expires": time(job.expires),
            "content": job.content?.json ?? .null, "restores": text(job.restores),
        ])
        if let view {
            object["targets"] = .integer(view.targets)
            var counts = JSONObject()
            for (key, count) in view.counts.sorted(by: { $0.key < $1.key }) { counts[key] = .integer(count) }
            object["counts"] = .object(counts)
            object["bytes"] = .integer(view.bytes)
            object["total_bytes"] = .integer(view.total)
            object["rate"] = .double(view.down)
            object["attention"] = .array(view.lines.map(\.json))
        }
        if let machine {
            object["waves"] = .object([
                "count": .integer(Int64(machine.waveCount)), "open": .integer(Int64(machine.wave + 1)),
                "next": time(machine.nextWave), "moment": time(machine.moment),
            ])
        }
        object["revision"] = .integer(job.revision)
        return .object(object)
    }

    /// Progress of a node, between two changes of its state: node, bytes, and the rates down and up in bytes a second. Without
    /// names and fractions, since a message has little room and there may be thousands of nodes.
    /// A target's state alone, as people see it.
    static func state(_ state: TargetState, of node: NodeID) -> JSONValue {
        .array([.string(node.description), .string(state.name)] + (state.code.map { [.string($0)] } ?? []))
    }

    static func figures(_ figures: JobFigures, of node: NodeID) -> JSONValue {
        .array([
            .string(node.description), .integer(figures.done), .integer(whole(figures.down)),
            .integer(whole(figures.up)),
        ])
    }

    private static func whole(_ rate: Double) -> Int64 { Int64(exactly: rate.rounded()) ?? 0 }

    /// - Parameter shown: the target's state as people see it, see ``Fleet/JobMachine/shown(_:)``.
    static func target(
        _ target: JobMachine.Target, shown: TargetState, detail: JobSnapshot.Detail?, name: String?,
        figure: FigureBoard.Figure?, arrival: Arrival, size: Int64
    ) -> JSONValue {
        let sources = BytesBySource.known(figure, detail)
        return .object([
            "node": .string(target.node.description), "name": text(name), "state": .string(shown.name),
            "code": text(shown.code), "text": .string(shown.text), "advice": text(shown.advice),
            "detail": text(detail?.text), "wave": .integer(Int64(target.wave + 1)),
            "attempt": .integer(Int64(target.attempt)), "away": .bool(target.isAway),
            "bytes": .integer(target.state.hasContent ? size : figure?.figures.done ?? 0),
            "total_bytes": .integer(size),
            "rate": .double(target.state.hasEnded ? 0 : figure?.figures.down ?? 0),
            "upload_rate": .double(target.state.hasEnded ? 0 : figure?.figures.up ?? 0),
            "from_site": .integer(sources.site), "from_peers": .integer(sources.peers),
            "from_sources": .integer(sources.others),
            "eta": target.state.hasContent || target.state.hasEnded ? .null : time(arrival.expected),
            "timing": .string(arrival.verdict.rawValue),
            "changed": time(detail?.at), "revision": .integer(detail?.revision ?? 0),
        ])
    }
}

extension BytesBySource {
    /// What is known of a target: what it told at its last change outlives the figures, which end with the job.
    static func known(_ figure: FigureBoard.Figure?, _ detail: JobSnapshot.Detail?) -> BytesBySource {
        let told = [figure?.figures.sources, detail?.sources].compactMap(\.self)
        return told.max { $0.total < $1.total } ?? BytesBySource()
    }
}
