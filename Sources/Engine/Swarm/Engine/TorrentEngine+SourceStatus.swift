import HTTPOrigin
import Metainfo
import SwarmCore

/// The status of each source, for people and for the policy layer.
extension TorrentEngine {
    /// - Parameter down: download rate of all sources together, in bytes per second.
    func sourceStatus(_ now: Double, down: Double) -> [String: SourceStatus] {
        var all: [String: SourceStatus] = [:]
        var fromSources = 0.0
        for (id, received) in sources.bankedCredits {
            all[id, default: SourceStatus()].received = received
        }
        for (id, key, source) in sources.named {
            var status = all[id] ?? SourceStatus()
            status.received += machine.credits[key] ?? 0
            status.rate = machine.rates(of: key, now: now).down
            fromSources += status.rate
            status.silence = max(0, now - source.lastByteAt)
            let missing = missingFiles(of: source)
            status.missingFiles = missing.refused
            status.state = state(of: source, missing, now: now)
            all[id] = status
        }
        guard options.usesPeers else { return all }
        var peers = all[TransferStatus.peersID] ?? SourceStatus()
        peers.received += machine.peerCredit
        peers.rate = machine.peerCount > sources.count ? max(0, down - fromSources) : 0
        peers.silence = arrivals.silenceOfPeers(now)
        peers.missingFiles = machine.isFinished ? [] : lackOfPeers.files(at: now)
        peers.state = stateOfPeers(rate: peers.rate, missing: peers.missingFiles)
        all[TransferStatus.peersID] = peers
        return all
    }

    /// Incomplete files of the source's share, and those of them that it refuses.
    private func missingFiles(of source: WebSource) -> (all: Set<Int>, refused: Set<Int>) {
        guard let progress, !machine.isFinished else { return ([], []) }
        let missing = (source.files ?? []).filter { progress.isSelected($0) && !progress.isComplete($0) }
        let refused = missing.intersection(source.health.refusedFiles)
        if refused.isEmpty || refused == missing { return (missing, refused) }
        let layout = machine.layout
        // A piece that has bytes of a refused file cannot be fetched whole, so that it keeps its other files back too.
        let kept = missing.subtracting(refused).filter { file in
            !layout.pieces(ofFile: file).contains { piece in
                let index = PieceIndex(unchecked: piece)
                return !machine.have.contains(piece)
                    && layout.spans(of: index).allSatisfy {
                        $0.isPadding || !source.health.refusedFiles.contains($0.file)
                    }
            }
        }
        return (missing, refused.union(kept))
    }

    private func state(
        of source: WebSource, _ missing: (all: Set<Int>, refused: Set<Int>), now: Double
    ) -> SourceStatus.State {
        guard source.isActive else { return .paused }
        guard !missing.all.isEmpty else { return source.isFetching ? .active : .idle }
        let health = source.health
        let nextTry = health.nextChange(after: now).map { $0 - now } ?? 0
        // Nothing of what is missing can be had there, whatever else is the matter.
        if missing.refused == missing.all, let file = health.refusedFiles.intersection(missing.all).min(),
            !source.isFetching
        {
            return .exhausted(
                reason: health.refusal(ofFile: file) ?? "it gives out none of the files", nextTry: nextTry)
        }
        if let trouble = health.trouble {
            let wait = if case .waiting(let until) = health.state(at: now) { until - now } else { 0.0 }
            return health.isExhausted
                ? .exhausted(reason: trouble, nextTry: wait) : .failing(reason: trouble, nextTry: wait)
        }
        return source.isFetching ? .active : .idle
    }

    private func stateOfPeers(rate: Double, missing: Set<Int>) -> SourceStatus.State {
        if machine.isFinished { return .idle }
        if !machine.asksPeers { return .paused }
        if rate >= 1 { return .active }
        return missing.isEmpty ? .idle : .exhausted(reason: "no peer has what is missing", nextTry: 0)
    }
}
