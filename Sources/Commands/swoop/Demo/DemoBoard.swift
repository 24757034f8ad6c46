/// The latest progress of each receiver of a demo, for bars.
struct DemoBoard {
    private var progress: [Progress]

    init(receivers: Int, total: Int) {
        progress = Array(repeating: Progress(phase: "starting", total: total), count: receivers)
    }

    mutating func record(_ line: DemoLine, of receiver: Int) {
        switch line.event {
        case "progress":
            let total = progress[receiver].total
            progress[receiver] = line.progress
            // A receiver reports 0 until it has read its torrent.
            progress[receiver].total = max(total, progress[receiver].total)
        case "complete":
            progress[receiver].done = progress[receiver].total
            progress[receiver].eta = nil
        default: break
        }
    }

    var rows: [(label: String, progress: Progress)] {
        progress.enumerated().map { ("receiver \($0 + 1)", $1) }
    }

    /// All receivers together.
    var sum: Progress {
        progress.reduce(into: Progress(phase: "delivering")) { sum, one in
            sum.done += one.done
            sum.total += one.total
            sum.down += one.down
            sum.up += one.up
            sum.peers += one.peers
            sum.eta = [sum.eta, one.eta].compactMap { $0 }.max()
        }
    }
}
