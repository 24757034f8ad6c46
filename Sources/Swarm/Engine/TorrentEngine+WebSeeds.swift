import HTTPOrigin
import Metainfo
import SwarmCore

/// Web seeds beside the peers, behind the same machine.
extension TorrentEngine {
    /// Web seeds of one torrent that are used at most.
    private static let mostWebSeeds = 16

    func startWebSeeds(_ urls: [String]) {
        guard !machine.isFinished else { return }
        var seen: Set<String> = []
        for url in urls.prefix(Self.mostWebSeeds) where seen.insert(url).inserted {
            guard let seed = WebSeed(url: url, info: info, client: context.webSeeds) else {
                report(.warning("web seed ignored: no http or https address (\(url.prefix(60)))"))
                continue
            }
            var traits = PeerTraits(supportsFast: true)
            traits.isWebSeed = true
            traits.longestRequest = max(16 * 1024, min(WebSource.spanLength, info.layout.pieceLength))
            traits.requestQueue = 64
            let key = machine.join(traits, now: context.loop.now)
            let enter = enter
            webSources[key] = WebSource(
                seed: seed, layout: info.layout, context: context, limits: limits,
                deliver: { [weak self] in self?.take($0, $1, fromWebSeed: key) },
                reject: { [weak self] in self?.machine.rejected($0, by: key, now: self?.context.loop.now ?? 0) },
                warn: { [weak self] in self?.report(.warning($0)) },
                enter: { body in
                    enter { engine in
                        if let source = engine.webSources[key] { body(source) }
                        engine.settle()
                    }
                })
        }
    }

    private func take(_ span: BlockSpan, _ bytes: [UInt8], fromWebSeed key: PeerKey) {
        lastByteAt = context.loop.now
        let placement = machine.beginBlock(span, from: key)
        let isWanted = machine.finishBlock(span, from: key, placement: placement, now: context.loop.now)
        guard placement == .buffer || isWanted, let target = memories[span.piece] else { return }
        bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: target.bytes[span.begin..<span.begin + span.length]).copyMemory(from: $0)
        }
    }

    /// Those that were given up leave the machine.
    func pumpWebSeeds(_ now: Double) {
        for (key, source) in webSources {
            if source.isAlive {
                source.pump()
            } else {
                machine.leave(key, now: now)
                webSources[key] = nil
                source.stop()
            }
        }
    }
}
