package loader

import "strconv"

// octal warns of permissions that were probably meant to be octal digits: of 400, which
// is 0620, when 0400 is what somebody would write.
func (p place) octal(bits int) {
	digits := strconv.Itoa(bits)
	meant, err := strconv.ParseInt(digits, 8, 0)
	if err == nil && len(digits) > 2 && usual(int(meant)) && !usual(bits) {
		p.in("mode").warn("%s is a decimal number, which is the mode %04o; write 0%s", digits, bits, digits)
	}
}

// usual tells whether a mode lets nobody do what their group, or the owner, cannot,
// and has no class that writes or executes without reading.
func usual(mode int) bool {
	user, group, others := mode>>6&7, mode>>3&7, mode&7
	for _, class := range []int{user, group, others} {
		if class != 0 && class&4 == 0 {
			return false
		}
	}
	return mode <= 0o7777 && group&^user == 0 && others&^group == 0
}
