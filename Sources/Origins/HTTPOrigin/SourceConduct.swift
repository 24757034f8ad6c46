/// Tracks, piece by piece, which files of a source are correct and which are wrong.
///
/// A piece may contain bytes of several files, of which only some may be wrong. Files of which this source has sent a
/// good piece are suspected only if the piece has no other file.
struct SourceConduct: Sendable {
    private struct Strikes: Sendable {
        var bad = 0
        var goodSince = 0
    }

    /// Files of which a good piece was received.
    private var proven: Set<Int> = []
    private var strikes: [Int: Strikes] = [:]
    /// Files of bad pieces since the last good piece.
    private var wrongSinceGood: Set<Int> = []

    /// Number of files with bad pieces since the last good piece of any file.
    var wrongInARow: Int { wrongSinceGood.count }

    /// - Parameter forgiveness: number of good pieces of a file that cancel one bad piece.
    mutating func goodPiece(of files: Set<Int>, forgiveness: Int) {
        wrongSinceGood = []
        proven.formUnion(files)
        guard !strikes.isEmpty else { return }
        for file in files {
            guard var known = strikes[file] else { continue }
            known.goodSince += 1
            if known.goodSince >= forgiveness {
                known.bad -= 1
                known.goodSince = 0
            }
            strikes[file] = known.bad > 0 ? known : nil
        }
    }

    /// - Parameter limit: number of bad pieces at which a file counts as wrong.
    /// - Returns: files that reached the limit with this piece. Their count starts again from zero.
    mutating func badPiece(of files: Set<Int>, limit: Int) -> Set<Int> {
        let unproven = files.subtracting(proven)
        let suspects = unproven.isEmpty ? files : unproven
        wrongSinceGood.formUnion(suspects)
        var over: Set<Int> = []
        for file in suspects {
            strikes[file, default: Strikes()].bad += 1
            strikes[file]?.goodSince = 0
            if strikes[file]?.bad ?? 0 >= limit {
                strikes[file] = nil
                over.insert(file)
            }
        }
        return over
    }
}
