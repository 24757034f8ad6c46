// TrackerRedis: peers that several trackers share in Redis or Valkey.
//
// Purpose: one announce, one round trip, on the tracker's own loop. Must never: wait, keep an announce longer than 200 ms, or trust
// what the store answers.
//
// The protocol is spoken here and not by hiredis. That library calls back into C for each event and builds a tree of heap blocks for
// each reply, about a hundred for one announce, where the tracker serves a request without any; it looks names up while its caller
// waits; and it would be a library to install on every machine that builds. What is needed of the protocol is two pages.

import Address
import Glibc
import Logging
import Reactor
import Synchronization
import Threads
import TrackerServer
import Tracking

/// A ``SharedPeerStore`` in Redis (6.2 or newer) or Valkey. Not thread-safe: the tracker's loop owns it.
package final class RedisPeers: SharedPeerStore {
    private let address: RedisAddress
    private let poller: Poller
    private let logger: Logger
    /// Seconds since 1970 for the scores; nil for the store's own clock.
    private let clock: (() -> Int)?

    private var link = RedisLink()
    private var descriptor: Int32 = -1
    private var isConnected = false
    private var watchesWriting = false
    private var output = RESPWriter()
    private var input = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 8)
    private var inputCount = 0
    private var reply = AnnounceReplyReader()
    private var scriptName: [UInt8] = []
    private var hasLost = false
    private var wasUp: Bool?
    package private(set) var problem: String?
    private let lookup = Lookup()
    private let marker: [UInt8]

    /// Bytes that go out although earlier ones are unanswered.
    private static let batch = 64 * 1024
    /// Most bytes that wait to be sent.
    private static let mostOutput = 8 << 20

    package init(_ address: RedisAddress, poller: Poller, logger: Logger, clock: (() -> Int)? = nil) {
        self.address = address
        self.poller = poller
        self.logger = logger
        self.clock = clock
        problem = "\(address) was not asked yet"
        let name = UInt64.random(in: .min ... .max)
        marker = Array("swoop:tracker:\(String(name, radix: 16))".utf8)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        input.deallocate()
    }

    package var isUp: Bool { link.isUp && output.bytes.count < Self.mostOutput }
    package var hasRoomToTell: Bool { link.hasRoomToTell && output.bytes.count < Self.mostOutput / 4 }
    package var nextDeadline: UInt64 { link.nextDeadline }
    package func owns(_ descriptor: Int32) -> Bool { descriptor >= 0 && descriptor == self.descriptor }

    package func takeLoss() -> Bool {
        defer { hasLost = false }
        return hasLost
    }

    // MARK: Asking

    package func ask(_ question: SharedQuestion, now: UInt64) {
        write(question)
        link.asked(.announce, now: now)
    }

    package func tell(_ question: SharedQuestion, now: UInt64) {
        write(question)
        link.asked(.telling, now: now)
    }

    private func write(_ question: SharedQuestion) {
        output.command(13 + question.forgotten.count)
        output.word("EVALSHA")
        output.word(scriptName)
        output.word("3")
        let swarm = question.swarm.description
        output.word(Array("swoop:{\(swarm)}:whole".utf8))
        output.word(Array("swoop:{\(swarm)}:part".utf8))
        output.word(Array("swoop:{\(swarm)}:blob".utf8))
        output.word(question.address.compact)
        switch question.standing {
        case .whole: output.word("whole")
        case .part: output.word("part")
        case .gone: output.word("gone")
        case .unlisted: output.word("none")
        }
        output.word(decimal: max(1, question.lifetime))
        output.word(decimal: question.limit)
        output.word(question.wantsSeeds ? "1" : "0")
        output.word(decimal: clock.map { $0() } ?? 0)
        output.word(Array((question.blob?.description ?? "").utf8))
        for address in question.forgotten { output.word(address.compact) }
    }

    /// One batch is under way at a time: what is asked meanwhile goes out with the next, so that the number of system calls does not
    /// grow with the number of announces.
    package func flush(now: UInt64, _ user: some SharedPeerStoreUser) {
        guard isConnected, !watchesWriting, !output.isEmpty, link.isQuiet || output.bytes.count > Self.batch else {
            return
        }
        send(now, user)
    }

    private func send(_ now: UInt64, _ user: some SharedPeerStoreUser) {
        let outcome = output.bytes.withUnsafeBytes { Socket.send(descriptor, $0, more: false) }
        switch outcome {
        case .bytes(let count): output.drop(count)
        case .wouldBlock: break
        case .ended, .failed: return fail("the connection broke", now, user)
        }
        let isLeft = !output.isEmpty
        link.sentAll()
        if isLeft != watchesWriting {
            watchesWriting = isLeft
            poller.modify(descriptor, for: isLeft ? [.read, .write] : .read)
        }
    }

    // MARK: Life of the connection

    package func timePassed(now: UInt64, _ user: some SharedPeerStoreUser) {
        if let found = lookup.take() { connect(to: found, now, user) }
        guard let action = link.timePassed(now: now) else { return }
        carryOut(action, now, user)
        flush(now: now, user)
    }

    private func carryOut(_ action: RedisLink.Action, _ now: UInt64, _ user: some SharedPeerStoreUser) {
        switch action {
        case .connect: lookup.start(address, poller)
        case .drop(let unanswered, let reason): drop(unanswered, reason, user)
        case .checkContents:
            // The first word is there as long as the store keeps what it was told; the second lets it go when this tracker has gone.
            output.command(6)
            output.word("SET")
            output.word(marker)
            output.word("1")
            output.word("EX")
            output.word("60")
            output.word("NX")
            link.asked(.contents, now: now)
            output.command(3)
            output.word("EXPIRE")
            output.word(marker)
            output.word("60")
            link.asked(.other, now: now)
        }
    }

    private func connect(to found: PeerAddress?, _ now: UInt64, _ user: some SharedPeerStoreUser) {
        guard let found else { return fail("its name is unknown", now, user) }
        link.resolved(now: now)
        do {
            descriptor = try Socket.connect(to: found, from: nil)
            Socket.setNoDelay(descriptor)
            try poller.add(descriptor, for: [.read, .write])
            watchesWriting = true
        } catch {
            fail("\(error)", now, user)
        }
    }

    private func fail(_ reason: String, _ now: UInt64, _ user: some SharedPeerStoreUser) {
        carryOut(link.failed(reason, now: now), now, user)
    }

    private func drop(_ unanswered: Int, _ reason: String, _ user: some SharedPeerStoreUser) {
        if descriptor >= 0 { close(descriptor) }
        (descriptor, isConnected, watchesWriting, inputCount) = (-1, false, false, 0)
        output = RESPWriter()
        lookup.cancel()
        problem = "\(address): \(reason)"
        if wasUp != false {
            logger.warning(
                "store of peers does not answer: this tracker answers from its memory",
                metadata: ["store": "\(address)", "reason": "\(reason)"])
        }
        wasUp = false
        for _ in 0..<unanswered { user.sharedStoreAnswered(nil) }
    }

    package func descriptorIsReady(now: UInt64, _ user: some SharedPeerStoreUser) {
        if !isConnected {
            let code = Socket.error(of: descriptor)
            guard code == 0 else { return fail(String(cString: strerror(code)), now, user) }
            isConnected = true
            link.connected(now: now)
            output.command(3)
            output.word("SCRIPT")
            output.word("LOAD")
            output.word(AnnounceScript.text)
            return send(now, user)
        }
        if watchesWriting { send(now, user) }
        guard isConnected else { return }
        receive(now, user)
    }

    private func receive(_ now: UInt64, _ user: some SharedPeerStoreUser) {
        while isConnected {
            let room = UnsafeMutableRawBufferPointer(rebasing: input[inputCount...])
            switch Socket.receive(descriptor, into: room) {
            case .bytes(let count): inputCount += count
            case .wouldBlock: return
            case .ended: return fail("it closed the connection", now, user)
            case .failed(let code): return fail(String(cString: strerror(code)), now, user)
            }
            let wasFull = inputCount == input.count
            readReplies(now, user)
            if !wasFull { return }
        }
    }

    private func readReplies(_ now: UInt64, _ user: some SharedPeerStoreUser) {
        var used = 0
        let connection = descriptor
        while isConnected, used < inputCount {
            let bytes = UnsafeRawBufferPointer(rebasing: input[used..<inputCount])
            do {
                guard let length = try RESPReader.replyLength(bytes) else { break }
                used += length
                let one = UnsafeRawBufferPointer(rebasing: bytes[..<length])
                if let problem = try take(one, now, user) { return fail(problem, now, user) }
            } catch {
                return fail("it does not speak Redis's protocol", now, user)
            }
        }
        guard isConnected, descriptor == connection else { return }
        if used == 0, inputCount == input.count { return fail("a reply is too long", now, user) }
        if used > 0, let base = input.baseAddress {
            memmove(base, base + used, inputCount - used)
            inputCount -= used
        }
    }

    /// - Returns: why the store is of no use, if so.
    private func take(
        _ bytes: UnsafeRawBufferPointer, _ now: UInt64, _ user: some SharedPeerStoreUser
    ) throws(RESPReader.Malformed) -> String? {
        // Before it counts as answered, so that a failure gives the oldest question its answer with all others.
        if bytes.first == UInt8(ascii: "-") {
            return Self.shown(bytes.dropFirst())
        }
        let isAnnounce = link.next == .announce
        if isAnnounce, let problem = try reply.read(bytes) { return problem }
        var reader = RESPReader(bytes)
        switch link.answered(now: now) {
        case .announce:
            answer(user)
        case .greeting:
            guard case .bytes(let name)? = try reader.next() else { throw RESPReader.Malformed() }
            scriptName = Array(name)
            if wasUp == false { logger.notice("store of peers answers again", metadata: ["store": "\(address)"]) }
            wasUp = true
            problem = nil
            // It may have missed what was heard while it was away.
            hasLost = true
        case .contents: if case .status? = try reader.next() { hasLost = true }
        case .telling, .other: break
        case nil: throw RESPReader.Malformed()
        }
        return nil
    }

    /// An error of the store, for a person.
    private static func shown(_ text: some Sequence<UInt8>) -> String {
        let line = text.prefix { $0 != 0x0d }.prefix(200)
        return String(decoding: line.map { (0x20...0x7e).contains($0) ? $0 : 0x3f }, as: UTF8.self)
    }

    private func answer(_ user: some SharedPeerStoreUser) {
        // Copies of the arrays' references: the next reply makes arrays of its own while the user still reads these.
        let (ipv4, ipv6) = (reply.ipv4, reply.ipv6)
        ipv4.withUnsafeBytes { ipv4 in
            ipv6.withUnsafeBytes { ipv6 in
                user.sharedStoreAnswered(
                    SharedAnswer(
                        seeds: reply.seeds, leechers: reply.leechers, ipv4: ipv4, ipv6: ipv6, blob: reply.blob))
            }
        }
    }
}
