{#- Findings in force that some product can use; see macros/current.sql. -#}
{{ rows_in_force('int_note_nlp', "part <> '' and products <> ''") }}
