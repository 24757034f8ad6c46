import Fleet
import FleetStore
import JSON
import Synchronization

/// The progress of jobs over several controls of one database: each hears only of the nodes that are with it. Tells the
/// others what these have reported to it, and which jobs somebody watches here, and takes over what they say. Owns when each job
/// was written last, and what was read.
final class FigureExchange: Sendable {
    private struct Book: Sendable {
        struct Word: Sendable {
            var at: Double
            /// Number of the job's reports then.
            var reports: UInt64
            var isWatched: Bool
        }

        /// What this control wrote last, by job.
        var words: [String: Word] = [:]
        /// ``SharedFigures/at`` as it was read, by job and control.
        var marks: [String: [String: Double]] = [:]
        var hasRead = false
    }

    /// Seconds between two words of a job that somebody watches, and of others.
    private static let (soon, later) = (2.0, 10.0)
    /// Figures that all words of this control together tell in a second, at most.
    private static let rate = 500.0
    /// Seconds for which a job counts as watched after a control has said so.
    private static let watch = 3 * later

    private let database: ControlDatabase
    private let nodes: Nodes
    private let open: OpenJobs
    private let figures: Figures
    private let cluster: ControlCluster
    /// This control's id.
    private let control: String
    private let book = Mutex(Book())

    init(
        _ database: ControlDatabase, _ nodes: Nodes, _ open: OpenJobs, _ figures: Figures, _ cluster: ControlCluster,
        control: String
    ) {
        self.database = database
        self.nodes = nodes
        self.open = open
        self.figures = figures
        self.cluster = cluster
        self.control = control
    }

    /// Call about once a second. Does nothing while there is no other control.
    func follow(_ now: Double) async {
        guard cluster.hasOthers(at: now) else { return }
        do throws(StoreError) {
            let marks = book.withLock { $0.marks }
            take(try await database.store.sharedFigures(besides: control, since: marks), at: now)
            try await tell(now)
        } catch {
            database.logger.warning("progress was not exchanged with other controls", metadata: ["error": "\(error)"])
        }
    }

    // MARK: What others say

    private func take(_ words: [SharedFigures], at now: Double) {
        let isFirst = book.withLock { book in
            defer { book.hasRead = true }
            for word in words { book.marks[word.job, default: [:]][word.control] = word.at }
            return !book.hasRead
        }
        let known = open.known(words.map(\.job))
        for word in words where known.contains(word.job) {
            // What is read at the start may be of long ago.
            guard !isFirst || abs(word.at - now) < Self.watch else { continue }
            if word.isWatched, figures.watchElsewhere(word.job, at: now, until: now + Self.watch) {
                nodes.wake(open.nodes(of: word.job))
            }
            figures.put(elsewhere: Self.figures(word, at: now))
        }
    }

    private static func figures(_ word: SharedFigures, at now: Double) -> [(node: NodeID, figure: FigureBoard.Figure)] {
        (word.doc.arrayValue ?? []).compactMap { item in
            guard let node = item["node"]?.stringValue.flatMap({ NodeID($0) }), let json = item["figures"],
                let figures = try? JobFigures(json: json), figures.job == word.job,
                let rate = item["rate"]?.number, let moving = item["moving"]?.number, let age = item["age"]?.number
            else { return nil }
            return (
                node,
                FigureBoard.Figure(
                    figures: figures, at: now - max(0, age), rate: rate, moving: moving, isFromElsewhere: true)
            )
        }
    }

    // MARK: What is told to others

    private func tell(_ now: Double) async throws(StoreError) {
        let jobs = open.facts.map(\.record.id)
        var words: [(word: SharedFigures, reports: UInt64)] = []
        // Seconds that what is told now stands for.
        var seconds = 0.0
        for job in jobs.sorted() {
            let (reports, isWatchedHere) = (figures.reports(of: job), figures.isWatchedHere(job, at: now))
            guard reports > 0 || isWatchedHere else { continue }
            let own = figures.of(job).filter { !$0.value.isFromElsewhere }.sorted { $0.key < $1.key }
            let cost = Double(own.count) / Self.rate
            if let before = book.withLock({ $0.words[job] }), now >= before.at {
                let passed = now - before.at
                // A job counts as watched only while that is said again.
                let isNews =
                    before.reports != reports || before.isWatched != isWatchedHere
                    || isWatchedHere && passed >= Self.later
                let pause = figures.isWatched(job, at: now) ? Self.soon : Self.later
                let isDue = passed >= max(pause, seconds + cost) || isWatchedHere && !before.isWatched
                guard isNews, isDue else { continue }
            }
            seconds += cost
            let doc = JSONValue.array(
                own.map { node, figure in
                    [
                        "node": .string(node.description), "rate": .double(figure.rate),
                        "moving": .double(figure.moving), "age": .double(max(0, now - figure.at)),
                        "figures": figure.figures.json,
                    ]
                })
            words.append(
                (SharedFigures(job: job, control: control, isWatched: isWatchedHere, doc: doc, at: now), reports))
        }
        try await database.store.share(words.map(\.word))
        book.withLock { book in
            for (word, reports) in words {
                book.words[word.job] = Book.Word(at: now, reports: reports, isWatched: word.isWatched)
            }
            let open = Set(jobs)
            book.words = book.words.filter { open.contains($0.key) }
        }
    }
}
