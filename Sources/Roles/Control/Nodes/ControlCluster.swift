import Fleet
import FleetStore
import Synchronization

/// The controls that share the database, of which this is one. Owns what this one has said of itself, what it knows of
/// the others, and the addresses of all. Decides which of them reports that a node is away.
final class ControlCluster: Sendable {
    /// What this control wrote of itself last.
    private struct OwnWord: Sendable {
        var nodes: [NodeID] = []
        /// Seconds since 1970.
        var at = 0.0
    }

    private let database: ControlDatabase
    private let nodes: Nodes
    /// This control's id.
    private let own: String
    private let others: Mutex<OtherControls>
    private let ownWord = Mutex(OwnWord())
    /// URLs for agents: of this control, and of the others that live.
    private let known: Mutex<(own: [String], others: [String])>

    init(_ database: ControlDatabase, _ nodes: Nodes, _ settings: ControlSettings) {
        self.database = database
        self.nodes = nodes
        own = settings.id
        others = Mutex(OtherControls(own: settings.id))
        known = Mutex((settings.doors, []))
    }

    /// URLs of all controls for agents.
    var doors: [String] { known.withLock { known in known.own + known.others.filter { !known.own.contains($0) } } }

    /// Where agents reach this control, when that is known only after its start.
    func setDoors(_ doors: [String]) { known.withLock { $0.own = doors } }

    /// The command with which a new host joins.
    func joinCommand(_ token: EnrolmentToken, name: String?) -> String {
        let doors = doors.isEmpty ? ["https://CONTROL:7443"] : doors
        return "swoop agent join \(doors.joined(separator: ",")) --token \(token.text.value)"
            + (name.map { " --name \($0)" } ?? "")
    }

    /// Tells the other controls of the database which nodes this one hears of, and takes over what they say: a node
    /// that is with another control is not away.
    func follow(_ now: Double) async {
        let seconds = nodes.awayAfter
        let heard = nodes.heardHere(at: now, within: seconds).sorted()
        let isNews = ownWord.withLock { word in
            guard word.nodes != heard || now - word.at >= OtherControls.interval || now < word.at else { return false }
            word = OwnWord(nodes: heard, at: now)
            return true
        }
        do throws(StoreError) {
            let store = database.store
            let doors = known.withLock { $0.own }
            if isNews { try await store.alive(own, doors: doors, nodes: heard, at: now) }
            let records = try await store.controls(since: others.withLock { $0.marks })
            let (fresh, living) = others.withLock { ($0.take(records, at: now), $0.doors(at: now)) }
            for record in fresh { nodes.hear(record.nodes, from: record.id, at: now, after: seconds) }
            known.withLock { $0.others = living }
        } catch {
            // Nothing was said: it is said again.
            ownWord.withLock { $0 = OwnWord() }
            database.logger.warning("other controls were not asked", metadata: ["error": "\(error)"])
        }
    }

    /// Whether another control of the database lives.
    func hasOthers(at now: Double) -> Bool { others.withLock { $0.areAlive(at: now) } }

    /// Whether this control reports that a node is away. Of several controls one says so: the one that heard of the
    /// node last, and for one that is gone the first that lives.
    func reports(_ seat: Roster.Seat, at now: Double) -> Bool {
        guard let elsewhere = seat.elsewhere, elsewhere.at > seat.heard else { return true }
        return others.withLock { !$0.isAlive(elsewhere.control, at: now) && $0.isFirst(at: now) }
    }
}
