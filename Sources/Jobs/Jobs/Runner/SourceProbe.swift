import HTTPOrigin
import Policy

/// Finds out whether a method that had no source left has one again: asks the source itself for the first byte of a file.
struct SourceProbe: Sendable {
    let job: Job
    let method: DeliveryMethod
    /// Files that the method is to fetch. The first that has a byte is asked for.
    let files: [Int]

    /// - Returns: nil where the source answers.
    func run() async -> SourceTrouble? {
        for torrent in [job.torrents.full, job.torrents.served].compactMap(\.self) {
            let layout = torrent.torrent.info.layout
            guard let file = files.first(where: { job.files[$0].size > 0 && torrent.indices[$0] != nil }),
                let index = torrent.indices[file], layout.files.indices.contains(index)
            else { continue }
            switch job.sources.source(method, layout) {
            case nil: return nil
            case .failure(let trouble)?: return trouble
            case .success(let source)?:
                let first = layout.files[index].offset
                switch await source.fetch(first..<first + 1, sink: { _ in false }) {
                case .complete, .stopped: return nil
                case .failed(let problem, _): return SourceTrouble(problem.reason)
                }
            }
        }
        return nil
    }
}

extension SourceTrouble {
    /// A source's own word, as the policy takes it.
    init(_ reason: SourceReason) {
        self =
            switch reason.kind {
            case .unresolved(let host): .nameNotResolved(host: host)
            case .unreachable(let host): .connectionRefused(host: host)
            case .status(let status): .status(status)
            case .wrongContent: .wrongContent(reason.text)
            case .other: .other(reason.text)
            }
    }
}
