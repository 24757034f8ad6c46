import Fleet
import FleetStore
import Hashing
import JSON
import Text

let now = 1_800_000_000.0

func act(at seconds: Double = now, who: String = "token:admin") -> Act {
    Act(who: who, address: "192.0.2.1", at: seconds)
}

func key(_ number: Int) -> [UInt8] { Array("key \(number)".utf8) }

func node(_ number: Int, name: String? = nil) -> NodeRecord {
    NodeRecord(
        id: NodeID(publicKey: key(number)), name: name ?? "node-\(number)", state: .active, publicKey: key(number),
        facts: HostFacts(name: name ?? "node-\(number)", os: "linux"), address: "192.0.2.\(number % 250)", joined: now)
}

func token(_ id: String = "0011223344556677", uses: Int = 1, secret: String = "s", expires: Double = now + 3600)
    -> TokenRecord
{
    TokenRecord(
        grant: EnrolmentGrant(
            id: id, secretDigest: EnrolmentToken.digest(of: Secret(secret)), expires: expires, uses: uses),
        who: "admin",
        made: now)
}

func job(_ id: String, sender: Int = 0, className: String = "release") -> JobRecord {
    var job = JobRecord(
        id: id, className: className, classVersion: 1, order: SendOrder(className: className, path: "/srv/x"),
        sender: NodeID(publicKey: key(sender)), who: "admin", name: "x", priority: 5, made: now)
    job.state = .hashing
    return job
}

let content = JobContent(infoHashes: [String(repeating: "ab", count: 20)], files: 3, bytes: 1 << 30)

func binding(_ job: String, targets: [Int], sender: Int = 0, content: JobContent = content) -> KeyBinding {
    KeyBinding(
        job: job, sender: NodeID(publicKey: key(sender)), className: "release", classVersion: 1, content: content,
        targets: targets.map { NodeID(publicKey: key($0)) })
}
