package loader

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/sirupsen/logrus"
)

// composeGo guards what compose-go has one of in a process: it warns through
// logrus's standard logger, and keeps env_file formats in a map.
var composeGo sync.Mutex

// collector is a logrus hook that keeps warnings.
type collector struct{ messages []string }

// Levels says that only warnings are wanted.
func (*collector) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }

// Fire keeps one message.
func (c *collector) Fire(e *logrus.Entry) error {
	c.messages = append(c.messages, e.Message)
	return nil
}

// obsoleteVersion matches the attribute that compose-go warns of once a
// process; here it is warned of at each load.
var obsoleteVersion = lazily(`(?m)^["']?version["']?\s*:`)

// withWarnings runs f with compose-go's warnings kept off standard error, then
// hands them to Options.Warn, sorted, each once.
func (s *source) withWarnings(f func() error) error {
	err := s.captured(f)
	for _, file := range s.files {
		if obsoleteVersion().Match(file.Content) {
			s.warn(fmt.Sprintf("%s: the attribute `version` is obsolete, it will be ignored, "+
				"please remove it to avoid potential confusion", file.Filename))
		}
	}
	if s.options.Warn != nil {
		slices.Sort(s.warnings)
		for _, text := range slices.Compact(s.warnings) {
			s.options.Warn(text)
		}
	}
	return err
}

func (s *source) captured(f func() error) error {
	composeGo.Lock()
	defer composeGo.Unlock()
	dotenv.RegisterFormat("raw", rawFormat)

	c := &collector{}
	logger := logrus.StandardLogger()
	out := logger.Out
	logger.SetOutput(io.Discard)
	hooks := logger.ReplaceHooks(logrus.LevelHooks{logrus.WarnLevel: {c}})
	defer func() {
		logger.ReplaceHooks(hooks)
		logger.SetOutput(out)
		s.warnings = append(s.warnings, c.messages...)
	}()
	return f()
}

func (s *source) warn(text string) { s.warnings = append(s.warnings, text) }
