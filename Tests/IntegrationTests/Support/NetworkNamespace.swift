import Foundation
import Synchronization
import TestSupport

/// A host of its own: addresses, ports and routes that no other test sees. It is gone with the last reference to it.
final class NetworkNamespace: Sendable {
    let name: String
    /// The command that runs another one here.
    var prefix: [String] { ["ip", "netns", "exec", name] }

    private static let next = Mutex(0)

    init() throws {
        let number = Self.next.withLock { next in
            next += 1
            return next
        }
        name = "swoop\(getpid())-\(number)"
        try Self.ip("netns", "add", name)
        try Self.ip("-n", name, "link", "set", "lo", "up")
    }

    deinit { try? Self.ip("netns", "del", name) }

    /// Bytes that went over the loopback device here, all headers included.
    func loopbackBytes() throws -> Int { try bytes("lo/statistics/rx_bytes") }

    /// Bytes that this host of a ``Network`` sent to others, all headers included.
    func sentBytes() throws -> Int { try bytes("eth0/statistics/tx_bytes") }

    private func bytes(_ counter: String) throws -> Int {
        let text = try Command.run(prefix + ["cat", "/sys/class/net/\(counter)"]).output
        guard let bytes = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw TimedOut(description: "no byte count of a device: \(text)")
        }
        return bytes
    }

    /// Runs the `ip` command, which must succeed.
    static func ip(_ arguments: String...) throws { try run("ip", arguments) }

    /// Runs a command for the network, which must succeed.
    static func run(_ command: String, _ arguments: [String]) throws {
        let ended = try Command.run([command] + arguments)
        guard ended.status == 0 else {
            throw TimedOut(
                description: "\(command) \(arguments.joined(separator: " ")): \(ended.errors) (these tests need root)")
        }
    }
}

/// Several hosts round a switch, each with an address of its own: 10.99.0.1, 10.99.0.2 and so on, and fd99::1 and so
/// on. Some clients take no peers on 127.0.0.0/8 nor two on one address, so one namespace does not do.
final class Network: Sendable {
    let hosts: [NetworkNamespace]
    private let hub: NetworkNamespace

    init(hosts count: Int) throws {
        hub = try NetworkNamespace()
        try NetworkNamespace.ip("-n", hub.name, "link", "add", "br0", "type", "bridge")
        try NetworkNamespace.ip("-n", hub.name, "link", "set", "br0", "up")
        var hosts: [NetworkNamespace] = []
        for number in 1...count {
            let host = try NetworkNamespace()
            let port = "p\(number)"
            try NetworkNamespace.ip(
                "link", "add", "eth0", "netns", host.name, "type", "veth", "peer", "name", port, "netns", hub.name)
            try NetworkNamespace.ip("-n", host.name, "addr", "add", "10.99.0.\(number)/24", "dev", "eth0")
            try NetworkNamespace.ip("-n", host.name, "addr", "add", "fd99::\(number)/64", "dev", "eth0", "nodad")
            try NetworkNamespace.ip("-n", host.name, "link", "set", "eth0", "up")
            try NetworkNamespace.ip("-n", hub.name, "link", "set", port, "master", "br0", "up")
            hosts.append(host)
        }
        self.hosts = hosts
    }

    /// Gives a host a line of so many Mbit/s each way, with a queue of 50 ms.
    func shape(_ index: Int, mbit: Int) throws {
        let burst = max(64 << 10, mbit * 1_000_000 / 8 / 100)
        for (space, device) in [(hosts[index].name, "eth0"), (hub.name, "p\(index + 1)")] {
            try NetworkNamespace.run(
                "tc",
                [
                    "-n", space, "qdisc", "add", "dev", device, "root", "tbf", "rate", "\(mbit)mbit", "burst",
                    "\(burst)", "latency", "50ms",
                ])
        }
    }

    /// Makes a host refuse connections from outside.
    func refuseIncoming(_ index: Int) throws {
        for rule in [
            "add table inet wall", "add chain inet wall in { type filter hook input priority 0; }",
            "add rule inet wall in iifname \"eth0\" tcp flags & (syn|ack) == syn reject with tcp reset",
        ] {
            try NetworkNamespace.run("ip", ["netns", "exec", hosts[index].name, "nft", rule])
        }
    }

    /// Of the host at `index` from 0.
    func address(_ index: Int) -> String { "10.99.0.\(index + 1)" }
    func address6(_ index: Int) -> String { "fd99::\(index + 1)" }
}
