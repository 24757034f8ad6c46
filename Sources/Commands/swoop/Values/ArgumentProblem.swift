/// Why the value of an argument cannot be used. ArgumentParser puts the argument's name and the value before the text.
struct ArgumentProblem: Error, CustomStringConvertible, Equatable {
    let description: String

    init(_ description: String) { self.description = description }
}
