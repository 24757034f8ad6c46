import NIOCore
import OCI
import Registry
import Synchronization

/// An upload at another origin: the target of a relay.
struct UploadPlace: Sendable, Hashable {
    let host: String
    let id: String
    /// Origins that have the bytes or get them from elsewhere: the target does not relay to these. Nil: the target does
    /// not relay at all.
    var via: [String]?
    /// Nil if unknown.
    var digest: BlobDigest?
    /// Size in bytes; nil if unknown.
    var size: Int64?

    /// Query parameters of a request that sends bytes; begins with `&`, or is empty.
    var query: String {
        (via.map { "&via=" + $0.joined(separator: ",") } ?? "") + (digest.map { "&digest=\($0)" } ?? "")
            + (size.map { "&size=\($0)" } ?? "")
    }
}

/// Relays the bytes of one upload to another origin, request by request. A relay may break at any time: then the blob
/// is copied from its file when it is complete.
final class UploadRelay: Sendable {
    private struct State {
        /// Bytes of the upload that the other origin has.
        var reached: Int64 = 0
        var isBroken = false
        var isBusy = false
    }

    let place: UploadPlace
    private let peers: OriginPeers
    private let state = Mutex(State())

    init(_ place: UploadPlace, peers: OriginPeers) {
        self.place = place
        self.peers = peers
    }

    var isBroken: Bool { state.withLock(\.isBroken) }

    /// A tap for the bytes of one request. Nil if they do not continue the bytes that the other origin has; the relay
    /// is broken then.
    func tap(at offset: Int64) -> (any UploadTap)? {
        let isNext = state.withLock { state in
            guard !state.isBroken, !state.isBusy, state.reached == offset else {
                state.isBroken = true
                return false
            }
            state.isBusy = true
            return true
        }
        return isNext ? Tap(self, at: offset, peers) : nil
    }

    fileprivate func ended(at length: Int64?, expected: Int64) {
        state.withLock { state in
            state.isBusy = false
            guard let length, length == expected else {
                state.isBroken = true
                return
            }
            state.reached = length
        }
    }

    /// Finishes the upload at the other origin.
    /// - Returns: the origins that have the blob durably; empty after a failure.
    func finish(_ digest: BlobDigest, length: Int64, name: ContentName) async -> [String] {
        let isWhole = state.withLock { !$0.isBroken && $0.reached == length }
        if isWhole, let hosts = try? await peers.finish(place, digest, name: name) { return hosts }
        await peers.cancel(place)
        return []
    }

    func cancel() async {
        state.withLock { $0.isBroken = true }
        await peers.cancel(place)
    }

    private final class Tap: UploadTap {
        private let relay: UploadRelay
        private let channel = ByteChannel()
        private let offset: Int64
        private let count = Mutex<Int64>(0)
        private let sending: Task<Int64?, Never>

        init(_ relay: UploadRelay, at offset: Int64, _ peers: OriginPeers) {
            self.relay = relay
            self.offset = offset
            let (channel, place) = (channel, relay.place)
            sending = Task {
                let length = try? await peers.send(channel, to: place, at: offset)
                // The other origin may respond before it has read all bytes: stop the sender.
                channel.close()
                return length
            }
        }

        func pass(_ parts: [ByteBuffer]) async {
            for part in parts {
                guard await channel.send(part) else { return }
                count.withLock { $0 += Int64(part.readableBytes) }
            }
        }

        func end() async {
            channel.finish()
            let length = await sending.value
            relay.ended(at: length, expected: offset + count.withLock { $0 })
        }
    }
}
