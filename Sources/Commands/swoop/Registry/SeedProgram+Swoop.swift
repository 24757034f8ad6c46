import RegistrySettings
import Threads

extension SeedProgram {
    /// The arguments of `swoop` for a command line of this program.
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
            let (configuration, _) = try await Threads.offload {
                Result { try ConfigurationArguments.read((config, secrets)) }
            }.get()
            let command = arguments.prefix(1) + ["--registry=\(configuration.originURL)"] + arguments.dropFirst()
            return Array(command)
        }
    }
}

extension RegistryConfiguration {
    /// An origin, for whoever pushes.
    var originURL: String {
        if let registry { return registry }
        let scheme = tls.authorities.isEmpty || tls.client.isDisabled ? "http" : "https"
        return origin.fixed.first.map { "\(scheme)://\($0)" } ?? "http://127.0.0.1:15002"
    }
}
