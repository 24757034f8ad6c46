/// Which files of a source came out right and which wrong, piece by piece.
///
/// A piece may hold bytes of several files, and only some of them need be wrong. Those of which this source has sent a
/// good piece before are suspected only where there is no other.
struct SourceConduct: Sendable {
    private struct Strikes: Sendable {
        var bad = 0
        var goodSince = 0
    }

    /// Files of which a good piece came.
    private var proven: Set<Int> = []
    private var strikes: [Int: Strikes] = [:]
    /// Files of bad pieces since the last good piece.
    private var wrongSinceGood: Set<Int> = []

    /// Files with bad pieces, with no good piece of any file between.
    var wrongInARow: Int { wrongSinceGood.count }

    /// - Parameter forgiveness: good pieces of a file that make up for a bad one.
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

    /// - Parameter limit: bad pieces of a file that are one too many.
    /// - Returns: files that reached the limit with this one; they are counted anew from here.
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
