import Files
import Glibc
import Metainfo
import Reactor
import Registry
import RegistryClient
import Storage
import Synchronization
import Threads

/// A pull of the content of a tag or digest, into a directory or to a stream.
package struct Pull: Sendable {
    package struct Options: Sendable {
        /// Whether other content at the destination may be replaced.
        package var overwrite = false
        /// Selects the files to pull by their paths; nil for all.
        package var selection: (@Sendable (SafePath) -> Bool)?
        /// The patterns of the selection, for the message when no file matches.
        package var patterns: [String] = []
        /// The directory for the cache of file digests, which is kept from pull to pull; nil for none.
        package var cache: String?
        package var limits = RegistryTransferLimits()

        package init() {}
    }

    package struct Outcome: Sendable {
        /// The digest of the manifest, or of the blob that is tagged without one.
        package let digest: BlobDigest
        package let bytes: Int64
        package let figures: PullFigures
        /// The path of the content; `-` for a stream.
        package let path: String
        /// Whether the complete content was at the destination before.
        package let wasThere: Bool
        /// A file of each digest, by its path; none for a stream.
        package var files: [BlobDigest: String] = [:]
    }

    package let resolver: any ContentResolver
    package let reference: Reference
    package let options: Options
    package let meter = PullMeter()

    package init(_ resolver: any ContentResolver, _ reference: Reference, options: Options) {
        self.resolver = resolver
        self.reference = reference
        self.options = options
    }

    private func resolve() async throws(PullError) -> (BlobDigest, PullPlan) {
        meter.enter(.resolving)
        let content = try await resolver.content(of: reference)
        var plan = try PullPlan(content, reference)
        if let isWanted = options.selection {
            plan.select(isWanted)
            if plan.files.isEmpty { throw .nothingSelected(options.patterns) }
        }
        meter.begin(total: plan.bytes, files: plan.files.count)
        return (content.digest, plan)
    }

    /// Pulls into a directory, which is made if it is missing.
    /// - Parameter source: makes the source of the blobs. It is called with the digest of the content, when that is known.
    package func run(
        into directory: String, from source: (WorkerPool, BlobDigest) async -> any BlobSource
    ) async throws(PullError) -> Outcome {
        let pool = WorkerPool(name: "swoop-pull", threads: options.limits.threads)
        let result: Result<Outcome, PullError>
        do {
            let (digest, plan) = try await resolve()
            let delivery = try await Threads.offloaded(pool) { () throws(PullError) in
                try Delivery(plan, into: directory, options: options, pool: pool, meter: meter)
            }
            let wasThere = try await delivery.run(await source(pool, digest))
            result = .success(
                Outcome(
                    digest: digest, bytes: plan.bytes, figures: meter.figures, path: delivery.path,
                    wasThere: wasThere, files: delivery.files))
        } catch {
            result = .failure(error)
        }
        await Threads.offload(name: "swoop-pull") { pool.shutdown() }
        return try result.get()
    }

    /// Pulls a content of a single file, and writes it to a file descriptor.
    package func stream(
        to descriptor: Int32, from source: (WorkerPool, BlobDigest) async -> any BlobSource
    ) async throws(PullError) -> Outcome {
        let pool = WorkerPool(name: "swoop-pull", threads: options.limits.threads)
        let result: Result<Outcome, PullError>
        do {
            let (digest, plan) = try await resolve()
            guard let file = plan.files.first, plan.files.count == 1 else {
                throw PullError.notOneFile(plan.files.count)
            }
            let meter = meter
            try await source(pool, digest).stream(
                WantedBlob(digest: file.digest, size: file.size),
                to: { bytes throws(PullError) in try Self.write(bytes, to: descriptor) },
                progress: { meter.take($0, of: file.digest) })
            meter.finish(file.digest, files: 1, bytes: file.size, reused: 0)
            result = .success(
                Outcome(
                    digest: digest, bytes: file.size, figures: meter.figures, path: "-", wasThere: false))
        } catch let error as PullError {
            result = .failure(error)
        } catch {
            result = .failure(.cancelled)
        }
        await Threads.offload(name: "swoop-pull") { pool.shutdown() }
        return try result.get()
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(PullError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if count < 0, errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, 1000)
            } else if count < 0, errno != EINTR {
                throw .output(.current)
            }
        }
    }
}
