import Address
import Fleet
import Hashing
import JSON
import Text

/// A stored node.
package struct NodeRecord: Sendable, Hashable {
    package let id: NodeID
    package var name: String
    package var state: NodeState
    /// SHA-256 of ``publicKey``. Control compares the keys of the node's connections with it.
    package var key: SHA256Digest
    /// As the node's agent last reported them.
    package var facts: HostFacts
    /// Labels from its token and from admins.
    package var labels: Labels
    /// Id of the token with which it joined.
    package var token: String
    package var isEphemeral: Bool
    /// The remote address of its last connection.
    package var address: String
    /// Seconds since 1970.
    package var joined: Double
    package var seen: Double
    /// For a pending node: the time until which an admin can approve it, in seconds since 1970.
    package var pendingUntil: Double?
    /// SubjectPublicKeyInfo, DER.
    package var publicKey: [UInt8]
    package var revision: Int64

    package init(
        id: NodeID, name: String, state: NodeState, publicKey: [UInt8], facts: HostFacts, labels: Labels = Labels(),
        token: String = "", isEphemeral: Bool = false, address: String = "", joined: Double, pendingUntil: Double? = nil
    ) {
        self.id = id
        self.name = name
        self.state = state
        key = SHA256.digest(publicKey)
        self.publicKey = publicKey
        self.facts = facts
        self.labels = labels
        self.token = token
        self.isEphemeral = isEphemeral
        self.address = address
        self.joined = joined
        seen = joined
        self.pendingUntil = pendingUntil
        revision = 0
    }

    /// The node's properties for selection. Labels from the agent's own configuration file have the prefix `host/`.
    package var selectable: NodeFacts {
        var all = labels
        for (key, value) in facts.labels.values where all.values.count < Labels.most {
            try? all.set(LabelKey.hostPrefix + key, value)
        }
        if all["site"] == nil, let site { try? all.set("site", site) }
        var addresses = facts.addresses
        if let own = PeerAddress(host: address, port: 0) { addresses.append(own) }
        return NodeFacts(
            name: name, os: facts.os, arch: facts.arch, version: facts.version, timeZone: facts.timeZone,
            addresses: addresses, labels: all)
    }

    /// The site according to its labels, or else according to its agent's configuration file.
    package var site: String? { labels["site"] ?? facts.labels["site"] }

    // MARK: Rows

    init?(_ row: StoreRow) {
        // id, name, state, doc, seen, revision, at
        guard let id = row.text(0).flatMap(NodeID.init), let name = row.text(1),
            let state = row.text(2).flatMap(NodeState.init), let doc = row.json(3), let seen = row.time(4),
            let revision = row.int(5), let joined = row.time(6),
            let facts = doc["facts"].flatMap({ try? HostFacts(json: $0) }),
            let publicKey = doc["public_key"]?.stringValue.flatMap({ Base64.decode($0) })
        else { return nil }
        self.init(
            id: id, name: name, state: state, publicKey: publicKey, facts: facts,
            labels: Labels(stored: doc["labels"]), token: doc["token"]?.stringValue ?? "",
            isEphemeral: doc["ephemeral"]?.lenientFlag ?? false, address: doc["address"]?.stringValue ?? "",
            joined: joined, pendingUntil: doc["pending_until"]?.number)
        self.seen = seen
        self.revision = revision
    }

    var doc: String {
        var object = JSONObject([
            "facts": facts.json, "labels": labels.json, "token": .string(token), "address": .string(address),
            "public_key": .string(Base64.encode(publicKey)),
        ])
        if isEphemeral { object["ephemeral"] = true }
        if let pendingUntil { object["pending_until"] = .double(pendingUntil) }
        return JSONValue.object(object).text
    }
}

extension Labels {
    init(stored value: JSONValue?) {
        self.init()
        for member in value?.objectValue?.members ?? [] { try? set(member.key, member.value.stringValue ?? "") }
    }

    package var json: JSONValue {
        var object = JSONObject()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
        return .object(object)
    }
}

extension JSONValue {
    package var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
}
