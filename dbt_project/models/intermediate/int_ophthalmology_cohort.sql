{#- Patients of the product: those who pass every step. -#}
{{ cohort_of('ophthalmology') }}
