// What the programs in ../go and ../grpc-go share: what they expect, and how their cases are run.
module bolide.tests/clients/go-shared

go 1.23
