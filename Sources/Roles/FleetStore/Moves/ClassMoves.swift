import Fleet
import JSON

extension ControlStore {
    /// Adds a version of a class, or creates the class.
    /// - Parameters:
    ///   - expecting: the revision that the class must have; 0: the class must not exist; nil: any.
    /// - Returns: the new version, or the current one if its definition is the same.
    package func put(
        class name: String, _ doc: JSONObject, expecting: Int64?, by act: Act
    ) async throws(StoreError) -> ChangeOutcome<ClassRecord> {
        try await engine.write { session throws(StoreError) in
            try session.lock("class \(name)")
            let known = try session.query(
                "SELECT version, removed, revision FROM classes WHERE name = $1", [.text(name)]
            ).first
            let isThere = known.map { !$0.flag(1) } ?? false
            let revision = isThere ? known?.int(2) ?? 0 : 0
            if let expecting, expecting != revision { return .stale(revision: revision) }
            let before = try Self.classVersion(name, nil, in: session)
            if isThere, let before, before.doc == doc { return .done(before) }
            let version = Int(clamping: known?.int(0) ?? 0) + 1
            let number = try session.change("class", name, at: act.at, .object(["version": .integer(Int64(version))]))
            try session.query(
                """
                INSERT INTO classes (name, version, removed, revision, at) VALUES ($1, $2, 0, $3, $4)
                ON CONFLICT (name) DO UPDATE SET version = $2, removed = 0, revision = $3
                """, [.text(name), .int(version), .int(number), .time(act.at)])
            try session.query(
                "INSERT INTO class_versions (name, version, doc, who, at) VALUES ($1, $2, $3, $4, $5)",
                [.text(name), .int(version), .text(JSONValue.object(doc).text), .text(act.who), .time(act.at)])
            try session.audit(
                number, act, "class.apply", name,
                .object([
                    "version": .integer(Int64(version)),
                    "before": isThere ? before.map { .object($0.doc) } ?? .null : .null,
                    "after": .object(doc),
                ]))
            return .done(
                ClassRecord(name: name, version: version, doc: doc, who: act.who, at: act.at, revision: number))
        }
    }

    /// Removes a class. Its versions are kept, for the jobs that use them.
    package func remove(
        class name: String, expecting: Int64?, by act: Act
    ) async throws(StoreError) -> ChangeOutcome<ClassRecord> {
        try await engine.write { session throws(StoreError) in
            try session.lock("class \(name)")
            guard let known = try Self.classVersion(name, nil, in: session) else { return .unknown }
            if let expecting, expecting != known.revision { return .stale(revision: known.revision) }
            let number = try session.change("class", name, at: act.at, .object(["removed": true]))
            try session.query(
                "UPDATE classes SET removed = 1, revision = $2 WHERE name = $1", [.text(name), .int(number)])
            try session.audit(number, act, "class.remove", name, .object(["before": .object(known.doc)]))
            return .done(known)
        }
    }

    /// - Parameter version: nil for the newest version, unless the class was removed.
    package func fleetClass(_ name: String, version: Int? = nil) async throws(StoreError) -> ClassRecord? {
        try await engine.read { session throws(StoreError) in try Self.classVersion(name, version, in: session) }
    }

    /// The newest version of each class, in the order of names.
    package func classes(after: String?, limit: Int) async throws(StoreError) -> [ClassRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT c.name, v.version, v.doc, v.who, v.at, c.revision
                FROM classes c JOIN class_versions v ON v.name = c.name AND v.version = c.version
                WHERE c.removed = 0 AND c.name > $1 ORDER BY c.name LIMIT $2
                """, [.text(after ?? ""), .int(limit)]
            ).compactMap(ClassRecord.init)
        }
    }

    /// The versions of a class, newest first.
    package func versions(of name: String, before: Int?, limit: Int) async throws(StoreError) -> [ClassRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT c.name, v.version, v.doc, v.who, v.at, c.revision
                FROM classes c JOIN class_versions v ON v.name = c.name
                WHERE c.name = $1 AND v.version < $2 ORDER BY v.version DESC LIMIT $3
                """, [.text(name), .int(Int64(before ?? Int(Int32.max))), .int(limit)]
            ).compactMap(ClassRecord.init)
        }
    }

    static func classVersion(
        _ name: String, _ version: Int?, in session: any StoreSession
    ) throws(StoreError) -> ClassRecord? {
        if let version {
            return try session.query(
                """
                SELECT c.name, v.version, v.doc, v.who, v.at, c.revision
                FROM classes c JOIN class_versions v ON v.name = c.name WHERE c.name = $1 AND v.version = $2
                """, [.text(name), .int(version)]
            ).first.flatMap(ClassRecord.init)
        }
        return try session.query(
            """
            SELECT c.name, v.version, v.doc, v.who, v.at, c.revision
            FROM classes c JOIN class_versions v ON v.name = c.name AND v.version = c.version
            WHERE c.name = $1 AND c.removed = 0
            """, [.text(name)]
        ).first.flatMap(ClassRecord.init)
    }
}
