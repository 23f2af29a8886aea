// Judges histories of one compare-and-set register with Porcupine and prints what each one cost.
//
// Standard input holds a list of histories, each a list of operations as benchmarks/porcupine.py
// writes them; standard output gets a list of {"ok", "ns"} in the same order. The time is CPU time
// of the whole process, since Porcupine and Go's collector use several threads.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"syscall"

	"github.com/anishathalye/porcupine"
)

type operation struct {
	Client  int
	Call    int64
	Return  int64
	F       string
	Value   int  // what a write writes, what a cas expects
	New     int  // what a cas writes
	Result  int  // what a read got
	Done    bool // of a cas: it found what it expected
	Unknown bool // it never returned
}

type answer struct {
	Ok bool  `json:"ok"`
	Ns int64 `json:"ns"`
}

// The register holds 0 at first, which stands for nothing.
var register = porcupine.Model{
	Init: func() interface{} { return 0 },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		held, op := state.(int), input.(operation)
		switch op.F {
		case "read":
			return op.Unknown || op.Result == held, held
		case "write":
			return true, op.Value
		}
		if op.Unknown {
			if held == op.Value {
				return true, op.New
			}
			return true, held
		}
		if op.Done {
			return held == op.Value, op.New
		}
		return held != op.Value, held
	},
}

func cpu() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return syscall.TimevalToNsec(used.Utime) + syscall.TimevalToNsec(used.Stime)
}

func judged(history []operation, times int) answer {
	ops := make([]porcupine.Operation, len(history))
	for i, op := range history {
		ops[i] = porcupine.Operation{
			ClientId: op.Client, Input: op, Call: op.Call, Output: op, Return: op.Return,
		}
	}
	spent := make([]int64, times)
	ok := false
	runtime.GC()
	for i := range spent {
		begin := cpu()
		// Rusage counts in microseconds at best: short histories are judged ten times.
		for j := 0; j < 10; j++ {
			ok = porcupine.CheckOperations(register, ops)
			if cpu()-begin > 1e7 {
				spent[i] = (cpu() - begin) / int64(j+1)
				break
			}
		}
		if spent[i] == 0 {
			spent[i] = (cpu() - begin) / 10
		}
	}
	sort.Slice(spent, func(a, b int) bool { return spent[a] < spent[b] })
	return answer{ok, spent[times/2]}
}

func main() {
	var histories [][]operation
	if err := json.NewDecoder(os.Stdin).Decode(&histories); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]answer, len(histories))
	for i, history := range histories {
		answers[i] = judged(history, 3)
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
