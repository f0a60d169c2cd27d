"""Model servers on this machine: first what is to run where. Brings together the models' files, the plan and the engines."""
