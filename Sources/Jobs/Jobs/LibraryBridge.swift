import HashLibrary
import Hashing

/// Connects jobs to the library of hashes.
package struct LibraryBridge: ContentLibrary {
    package let library: HashLibrary

    package init(library: HashLibrary) { self.library = library }

    package func find(_ digest: SHA1Digest, size: Int64) async -> String? {
        await library.lookup(sha1: digest, size: size)?.text
    }

    package func digest(of path: String) async -> SHA1Digest? {
        guard let path = AbsolutePath(path) else { return nil }
        return await library.hash(of: path)
    }

    package func copy(from path: String, to target: String, expecting digest: SHA1Digest, size: Int64) async -> Bool {
        guard let source = AbsolutePath(path), let place = AbsolutePath(target) else { return false }
        do throws(LocalCopyError) {
            try await LocalCopy.copy(from: source, to: place, expecting: digest)
            return true
        } catch {
            // The file differs from the table: the library must examine it before it is used again.
            await library.look(at: source)
            return false
        }
    }

    package func note(_ path: String, digest: SHA1Digest, size: Int64) async {
        guard let path = AbsolutePath(path) else { return }
        await library.record(path, sha1: digest, size: size)
    }
}
