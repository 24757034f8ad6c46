import RegistrySettings
import Threads

extension SeedProgram {
    /// The arguments of `swoop` that correspond to a command line of this Kraken program.
    func swoopArguments(_ given: [String]) async throws -> [String] {
        let call: Call
        do throws(GoFlags.Problem) { call = try self.call(given) } catch {
            throw Failure(.usage, "\(error)", advice: usage.split(separator: "\n").joined(separator: "\n  "))
        }
        switch call {
        case .arguments(let arguments): return arguments
        case .help(let text):
            Terminal.write(text, to: 1)
            throw QuietExit(status: .done)
        case .withOrigin(let arguments, let config, let secrets):
            let configuration = try await Self.configuration(config, secrets)
            return arguments.prefix(1) + ["--registry=\(configuration.originURL)"] + arguments.dropFirst()
        case .withOrigins(let arguments, let config, let secrets):
            let configuration = try await Self.configuration(config, secrets)
            // Kraken's proxy needs a directory of its own: an origin on the same host uses the default one.
            let place = configuration.caStore.cacheDirectory ?? configuration.data ?? UpCommand.usualData + "/proxy"
            return arguments.prefix(1) + ["--data=\(place)"] + configuration.clusterArguments + arguments.dropFirst()
        }
    }

    private static func configuration(_ config: String?, _ secrets: String?) async throws -> RegistryConfiguration {
        let (configuration, notes) = try await Threads.offload {
            Result { try ConfigurationArguments.read((config, secrets)) }
        }.get()
        for note in notes { Terminal.write("warning: \(note.description.shown)\n", to: 2) }
        return configuration
    }
}

extension RegistryConfiguration {
    /// The URL of an origin, to push to.
    var originURL: String {
        if let registry { return registry }
        let scheme = tls.authorities.isEmpty || tls.client.isDisabled ? "http" : "https"
        return (origin.fixed.first ?? origin.dns).map { "\(scheme)://\($0)" } ?? "http://127.0.0.1:15002"
    }

    /// Options that list all origins.
    fileprivate var clusterArguments: [String] {
        if let dns = origin.dns { return ["--cluster-dns=\(dns)"] }
        return origin.fixed.isEmpty ? ["--cluster=localhost:15002"] : origin.fixed.map { "--cluster=\($0)" }
    }
}
