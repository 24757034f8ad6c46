// VirtualNetwork: hosts, paths and connections that exist in memory, on a virtual clock.
//
// What it is for: tests that run the engine itself, all hosts of them on one loop, through minutes of network time in
// milliseconds and without a socket. What it must never do: wait, read a clock of the system, or ship with the program.

import Address
import Glibc
import Reactor

/// A network in memory and the loop that its hosts run on. Everything happens on the thread that calls ``run(for:until:)``.
package final class VirtualNetwork: StreamNetwork {
    package let loop: EventLoop
    /// Seconds from one host to any other.
    package var latency = 0.01
    /// Bytes per second that each host can send; nil for no limit.
    package var uplink: Double?
    /// Bytes of one connection that are on their way or not read yet, each way.
    package var window = 256 << 10
    /// Every attempt to connect: when, and to which host.
    package private(set) var dials: [(at: Double, to: PeerAddress)] = []

    private var listeners: [PeerAddress: VirtualListener] = [:]
    /// Hosts that are off: nothing goes in or out, and nobody is told so.
    private var unplugged: Set<[UInt8]> = []
    /// When each host's uplink has sent what it was given.
    private var uplinkFreeAt: [[UInt8]: Double] = [:]
    private var lastPort: UInt16 = 40_000

    /// - Parameter start: seconds at which time begins.
    package init(start: Double = 1_000) { loop = EventLoop(virtualTime: start) }

    /// An address of host `number`, 0 to 255.
    package static func address(_ number: UInt8, port: UInt16 = 6881) -> PeerAddress {
        PeerAddress(ipv4: 0x0a00_0000 | UInt32(number), port: port)
    }

    // MARK: Time

    package var now: Double { loop.now }

    /// Lets so many seconds pass, or as many as it takes until `isDone`.
    /// - Returns: whether `isDone` held.
    @discardableResult
    package func run(for seconds: Double, until isDone: () -> Bool = { false }) -> Bool {
        let end = loop.now + seconds
        while !isDone() {
            if loop.hasPostedWork {
                loop.turn(at: loop.now)
            } else if let next = loop.nextDeadline, next <= end {
                loop.turn(at: next)
            } else {
                loop.turn(at: end)
                return isDone()
            }
        }
        return true
    }

    // MARK: Faults

    /// Takes a host off the network, as when its cable is pulled: its connections hang.
    package func unplug(_ address: PeerAddress) { unplugged.insert(address.addressBytes) }

    /// Puts it back. What was lost meanwhile stays lost: connections of before hang for ever.
    package func plugIn(_ address: PeerAddress) { unplugged.remove(address.addressBytes) }

    func isCut(_ one: PeerAddress, _ other: PeerAddress) -> Bool {
        unplugged.contains(one.addressBytes) || unplugged.contains(other.addressBytes)
    }

    // MARK: StreamNetwork

    package func connect(to address: PeerAddress, from source: PeerAddress?) throws(SocketError) -> ByteStream {
        dials.append((loop.now, address))
        lastPort &+= 1
        let local = (source ?? Self.address(0)).with(port: lastPort)
        let client = VirtualStream(in: self, local: local, remote: address)
        loop.schedule(after: latency) { [self] in
            // Nobody answers for a host that is off.
            guard !isCut(local, address) else { return }
            let server = listeners[address]?.take(client, from: local)
            loop.schedule(after: latency) { client.connected(to: server) }
        }
        return ByteStream(client)
    }

    package func listen(on address: PeerAddress) throws(SocketError) -> StreamListener {
        guard listeners[address] == nil else { throw SocketError("bind \(address)", code: EADDRINUSE) }
        let listener = VirtualListener(in: self, on: address)
        listeners[address] = listener
        return StreamListener(listener)
    }

    func closed(_ listener: VirtualListener) { listeners[listener.address] = nil }

    /// - Returns: seconds until bytes that a host sends now have all come to another.
    func delay(of count: Int, from host: PeerAddress) -> Double {
        guard let uplink else { return latency }
        let free = max(loop.now, uplinkFreeAt[host.addressBytes] ?? 0) + Double(count) / uplink
        uplinkFreeAt[host.addressBytes] = free
        return free - loop.now + latency
    }
}
