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
    private let watch: ClusterWatch
    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: most seconds that the other origin may take without progress.
    init(_ place: UploadPlace, peers: OriginPeers, watch: ClusterWatch, patience: Double) {
        self.place = place
        self.peers = peers
        self.watch = watch
        // An origin that relays the bytes further is itself as patient with the next one, for the bytes and then for the
        // answer.
        self.patience = .seconds(place.via == nil ? patience : 3 * patience)
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
        return isNext ? Tap(self, at: offset) : nil
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
        let (peers, place) = (peers, place)
        if isWhole {
            let hosts = await watch.whileUp(place.host) { try? await peers.finish(place, digest, name: name) }
            if let hosts { return hosts }
        }
        await cancel()
        return []
    }

    func cancel() async {
        state.withLock { $0.isBroken = true }
        await watch.whileUp(place.host) { [peers, place] in await peers.cancel(place) }
    }

    private final class Tap: UploadTap {
        private let relay: UploadRelay
        private let stream: UploadStream
        private let offset: Int64
        private let count = Mutex<Int64>(0)

        init(_ relay: UploadRelay, at offset: Int64) {
            self.relay = relay
            self.offset = offset
            stream = UploadStream(
                to: relay.place, at: offset, peers: relay.peers, watch: relay.watch, patience: relay.patience)
        }

        func pass(_ parts: [ByteBuffer]) async {
            for part in parts {
                guard await stream.channel.send(part) else { return }
                count.withLock { $0 += Int64(part.readableBytes) }
            }
        }

        func end() async {
            stream.channel.finish()
            let length = try? await stream.end().get()
            relay.ended(at: length, expected: offset + count.withLock { $0 })
        }
    }
}
