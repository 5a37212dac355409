package project

// Elsewhere is what a project asks of the host that its files come to from elsewhere: what
// the user is to know before anything is made of it.
type Elsewhere struct {
	// Files are the names of what was fetched, by commit or digest, in the order of use.
	Files []string `json:"files"`
	// Included says that the user has named files of this host alone, which include or extend them:
	// what these files ask for themselves is not asked about.
	Included bool `json:"included,omitempty"`
	// NamedHere says that the user has named the project.
	NamedHere bool `json:"namedHere,omitempty"`
	// Variables are those of the user that the files read, sorted by name.
	Variables []UsedVariable `json:"variables,omitempty"`
	// Host is what services use of the host, in words, sorted: "web: the folder /srv".
	Host []string `json:"host,omitempty"`
	// Builds is what of that the builds of images use, Programs what is run as providers.
	Builds   []string `json:"builds,omitempty"`
	Programs []string `json:"programs,omitempty"`
}

// UsedVariable is a variable without its value, which may be secret.
type UsedVariable struct {
	Name string `json:"name"`
	// From says where the value comes from; empty: it has none.
	From     string `json:"from,omitempty"`
	Required bool   `json:"required,omitempty"`
	// Default is what the files have in the place of a missing value.
	Default string `json:"default,omitempty"`
}

// The places where values of variables come from.
const (
	FromEnvironment = "environment"
	FromEnvFile     = "env file"
)
