import JSON

/// What one control says of a job's progress to the others of the database: the figures of the nodes that are with it.
package struct SharedFigures: Sendable, Hashable {
    package let job: String
    /// Id of the control.
    package let control: String
    /// Whether somebody watches the job at that control.
    package let isWatched: Bool
    package let doc: JSONValue
    /// Seconds since 1970 by that control's clock. It changes with each write.
    package let at: Double

    package init(job: String, control: String, isWatched: Bool, doc: JSONValue, at: Double) {
        self.job = job
        self.control = control
        self.isWatched = isWatched
        self.doc = doc
        self.at = at
    }
}

extension ControlStore {
    /// Stores what a control says, in place of what it said of the same jobs before.
    package func share(_ figures: [SharedFigures]) async throws(StoreError) {
        guard !figures.isEmpty else { return }
        try await engine.write { session throws(StoreError) in
            for figure in figures {
                try session.query(
                    """
                    INSERT INTO figures (job, control, watched, doc, at) VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT (job, control) DO UPDATE SET watched = $3, doc = $4, at = $5
                    """,
                    [
                        .text(figure.job), .text(figure.control), .int(figure.isWatched ? 1 : 0),
                        .text(figure.doc.text), .time(figure.at),
                    ])
            }
        }
    }

    /// What other controls have said since it was read last.
    /// - Parameters:
    ///   - control: the one that asks.
    ///   - known: ``SharedFigures/at`` as it was read, by job and control.
    package func sharedFigures(
        besides control: String, since known: [String: [String: Double]]
    ) async throws(StoreError) -> [SharedFigures] {
        try await engine.read { session throws(StoreError) in
            var found: [SharedFigures] = []
            let rows = try session.query(
                "SELECT job, control, at FROM figures WHERE control <> $1 ORDER BY job, control", [.text(control)])
            for row in rows {
                guard let job = row.text(0), let other = row.text(1), let at = row.time(2), known[job]?[other] != at
                else { continue }
                let values: [StoreValue] = [.text(job), .text(other)]
                guard
                    let row = try session.query(
                        "SELECT watched, doc FROM figures WHERE job = $1 AND control = $2", values
                    ).first
                else { continue }
                found.append(
                    SharedFigures(
                        job: job, control: other, isWatched: row.flag(0), doc: row.json(1) ?? .null, at: at))
            }
            return found
        }
    }
}
