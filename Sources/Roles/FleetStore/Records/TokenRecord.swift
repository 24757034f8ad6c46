import Fleet
import Hashing
import JSON

/// A stored join token.
package struct TokenRecord: Sendable, Hashable {
    package var grant: EnrolmentGrant
    package let who: String
    /// Seconds since 1970.
    package let made: Double
    package var revision: Int64 = 0
    /// The nodes that joined with it first, at most ``mostUsers``.
    package var users: [NodeID] = []
    /// The nodes that joined with it before uses had a table of their own.
    let earlier: [NodeID]

    /// How many of its users are read: a token may let in a whole data centre.
    package static let mostUsers = 100

    package init(grant: EnrolmentGrant, who: String, made: Double) {
        self.grant = grant
        self.who = who
        self.made = made
        earlier = []
    }

    init?(_ row: StoreRow) {
        guard let id = row.text(0), let doc = row.json(1), let expires = row.time(2), let revision = row.int(3),
            let made = row.time(4), let digest = doc["digest"]?.stringValue.flatMap({ SHA256Digest(hex: $0) }),
            let uses = doc["uses"]?.lenientInteger
        else { return nil }
        earlier = (doc["used_by"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(NodeID.init) }
        grant = EnrolmentGrant(
            id: id, secretDigest: digest, expires: expires, uses: Int(clamping: uses),
            used: Int(clamping: doc["used"]?.lenientInteger ?? Int64(earlier.count)),
            name: doc["name"]?.stringValue, labels: Labels(stored: doc["labels"]),
            needsApproval: doc["approve"]?.lenientFlag ?? false, isEphemeral: doc["ephemeral"]?.lenientFlag ?? false,
            isRevoked: doc["revoked"]?.lenientFlag ?? false)
        who = doc["who"]?.stringValue ?? ""
        self.made = made
        self.revision = revision
    }

    var doc: String {
        var object = JSONObject([
            "digest": .string(grant.secretDigest.hex), "uses": .integer(Int64(grant.uses)),
            "used": .integer(Int64(grant.used)), "labels": grant.labels.json, "who": .string(who),
        ])
        if !earlier.isEmpty { object["used_by"] = .array(earlier.map { .string($0.description) }) }
        if let name = grant.name { object["name"] = .string(name) }
        if grant.needsApproval { object["approve"] = true }
        if grant.isEphemeral { object["ephemeral"] = true }
        if grant.isRevoked { object["revoked"] = true }
        return JSONValue.object(object).text
    }
}

/// An API token (`swa_…`). Only the hash of its secret is stored.
package struct APITokenRecord: Sendable, Hashable {
    package let id: String
    package let name: String
    package let digest: SHA256Digest
    /// `viewer`, `operator` or `admin`.
    package let role: String
    /// Names of the classes to which an operator's token is restricted; empty for all.
    package let classes: [String]
    /// Seconds since 1970.
    package let expires: Double
    package var seen: Double?
    package let who: String
    package let made: Double
    package var revision: Int64 = 0

    package init(
        id: String, name: String, digest: SHA256Digest, role: String, classes: [String], expires: Double, who: String,
        made: Double
    ) {
        self.id = id
        self.name = name
        self.digest = digest
        self.role = role
        self.classes = classes
        self.expires = expires
        self.who = who
        self.made = made
    }

    init?(_ row: StoreRow) {
        guard let id = row.text(0), let name = row.text(1),
            let digest = row.bytes(2).flatMap({ SHA256Digest(bytes: $0) }),
            let doc = row.json(3), let expires = row.time(4), let revision = row.int(6), let made = row.time(7)
        else { return nil }
        self.init(
            id: id, name: name, digest: digest, role: doc["role"]?.stringValue ?? "viewer",
            classes: (doc["classes"]?.arrayValue ?? []).compactMap(\.stringValue), expires: expires,
            who: doc["who"]?.stringValue ?? "", made: made)
        seen = row.time(5)
        self.revision = revision
    }

    var doc: String {
        JSONValue.object([
            "role": .string(role), "classes": .array(classes.map(JSONValue.string)), "who": .string(who),
        ]).text
    }
}
